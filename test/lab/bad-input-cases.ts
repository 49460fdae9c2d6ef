import { HOSTILE_NAMES } from './bad-input-world.ts';

/** Arguments of svcctl, its exit code, and what its one sentence says. `base` is 2.2.2.2:88 with NodePort 30001. */
export type SvcctlCase = readonly [args: readonly string[], exit: number, says: string];

const expose = (frontend: string, ...more: string[]) => ['expose', frontend, '--name', 'new', ...more];
const BAD_PORTS = ['0', '65536', '88x', '-1', '1e3', '88\n', ''];
const quoted = (text: string) => JSON.stringify(text).slice(0, 60);

const run = (...more: string[]) => ['run', 'new', '--host', 'host-1', ...more, '--', 'sleep', '9'];
const attach = (target: string, ...more: string[]) => ['attach', target, '--host', 'host-1', ...more];

/** Of containers; web-1 is one of the lab's. */
const CONTAINER_CASES: readonly SvcctlCase[] = [
  [run('--image', 'none'), 2, 'image "none" is not an image of this cluster: it has busybox'],
  [run('--image', '../../etc'), 2, 'image "../../etc" is not an image'],
  [['run', 'new', '--host', 'host-9', '--', 'x'], 2, 'host "host-9" is not a host of this cluster'],
  [['run', 'new', '--host', 'host-1'], 2, 'command [] is empty: the built-in image busybox needs a program'],
  [
    ['run', 'web-1', '--host', 'host-1', '--', 'x'],
    4,
    'name "web-1" is taken by another container, on host-1',
  ],
  [run('--cpus', '0'), 2, 'cpus 0 is not a number of processors'],
  [run('--cpus', '1; reboot'), 2, 'cpus "1; reboot" is not a number of processors'],
  [run('--memory', '4K'), 2, 'memory 4096 is not a limit'],
  [run('--memory', '64X'), 2, 'memory "64X" is not an amount of memory'],
  [run('--env', '=x'), 2, 'env "=x" is not KEY=VALUE'],
  [run('--user', '$(id)'), 2, 'user "$(id)" is not a user'],
  [run('--workdir', '/a/../../etc'), 2, 'workdir "/a/../../etc" is not an absolute path'],
  [run('--hostname', 'a b'), 2, 'hostname "a b" is not a host name'],
  [run('--restart', 'never'), 2, 'restart "never" is none of always, on-failure, no'],
  [run('--mount', '/etc'), 2, 'mount "/etc" is not a mount'],
  [run('--mount', 'etc:/etc'), 2, 'mount "etc" is not an absolute path'],
  [run('--mount', '/etc:/proc/x'), 2, 'mount "/proc/x" lies where'],
  [run('--publish', '80'), 2, 'publish "80" is not a published port'],
  [run('--publish', '80:80; flush ruleset'), 2, 'publish "80:80; flush ruleset" is not a published port'],
  [run('--publish', '70000:80'), 2, 'publish "70000:80" is not a published port'],
  [run('--publish', '127.0.0.1:80:80'), 2, 'publish "127.0.0.1:80:80" is a loopback address'],
  [
    // The agent's own.
    run('--publish', '7482:80'),
    4,
    'publish "7482:80" cannot be: a program of host-1 listens to port 7482/tcp at 192.168.122.11',
  ],
  [run('--publish', '203.0.113.7:80:80'), 2, 'which is no address of host host-1'],
  [
    run('--publish', '30001:80'),
    4,
    'publish "30001:80" cannot be: 30001/tcp is the NodePort of service "base"',
  ],
  [run('--network', 'overlay'), 2, 'network "overlay" is not a network mode'],
  [run('--network', 'container:nobody'), 2, 'network "nobody" names no container'],
  [run('--network', 'container:new'), 2, 'network "new" is the container itself'],
  [run('--network', 'macvlan:a/b'), 2, 'network "a/b" is not a link'],
  [run('--network', 'macvlan:cwy0'), 2, 'network "cwy0" is a link of Causeway'],
  [
    run('--network', 'host', '--publish', '80:80'),
    2,
    'publish "80:80" is not possible with the network mode host',
  ],
  [run('--network', 'macvlan:eth0', '--address', '192.168.122.11/24'), 2, 'is an address of host host-1'],
  [run('--ip', '10.99.0.5'), 2, 'ip "10.99.0.5" is not in 10.10.0.'],
  [run('--ip', '10.10.0.5; reboot'), 2, 'ip "10.10.0.5; reboot" is not an address'],
  [run('--ip6', 'fd00::5'), 2, 'ip6 "fd00::5" cannot be: the network has no IPv6'],
  [run('--mac', '01:00:5e:00:00:01'), 2, 'mac "01:00:5e:00:00:01" is not a link-layer address'],
  ...HOSTILE_NAMES.map(
    (name): SvcctlCase => [['run', name, '--host', 'host-1', '--', 'x'], 2, `name ${quoted(name)}`],
  ),
  [attach('web'), 2, 'target "web" is not a container of others'],
  [attach('docker:a/b'), 2, 'target "docker:a/b" is neither a name nor an id'],
  [attach('pid:0', '--name', 'x'), 2, 'target "pid:0" is not a process id'],
  [attach('netns:../x', '--name', 'x'), 2, 'target "netns:../x" is not an absolute path'],
  [attach('docker:x', '--name', 'web-1'), 4, 'name "web-1" is taken by another container'],
  [['stop', 'nobody'], 3, 'there is no container "nobody"'],
  [['start', 'a\nb'], 2, 'name "a\\nb" is not a name'],
  [['rm', 'web-1'], 4, 'container "web-1" is running on host-1: stop it first, or remove it by force'],
  [['rm', '../x'], 2, 'name "../x" is not a name'],
  [['inspect', 'nobody'], 3, 'there is no container "nobody"'],
  [['detach', 'web-1'], 4, 'container web-1 is not attached'],
];

export const SVCCTL_CASES: readonly SvcctlCase[] = [
  ...CONTAINER_CASES,
  [expose('10.10.0.50:80'), 2, 'vip "10.10.0.50" is inside the container network 10.10.0.0/26'],
  [expose('192.168.122.11:80'), 2, 'vip "192.168.122.11" is an address of host "host-1"'],
  [expose('127.0.0.1:80'), 2, 'vip "127.0.0.1" is a loopback address'],
  [expose('224.0.0.1:80'), 2, 'vip "224.0.0.1" is a multicast address'],
  [expose('2.2.2.2 ; flush ruleset:80'), 2, 'vip "2.2.2.2 ; flush ruleset" is not an IPv4 address'],
  [expose('2.2.2.2:90'), 4, 'vip "2.2.2.2" is taken by service "base"'],
  ...BAD_PORTS.flatMap((port): SvcctlCase[] => [
    [expose(`2.2.2.3:${port}`), 2, `port ${JSON.stringify(port)} is not a port`],
    [expose('2.2.2.3:88', '--node-port', port), 2, `node-port ${JSON.stringify(port)} is not a port`],
  ]),
  [expose('2.2.2.3:88', '--target-port', '88x'), 2, 'target-port "88x" is not a port'],
  [expose('2.2.2.3:88', '--to', '10.10.0.50:0'), 2, 'to "10.10.0.50:0" has the port "0", which is not'],
  [expose('2.2.2.3:88', '--node-port', '30001'), 4, 'node-port 30001 is taken by service "base"'],
  [expose('2.2.2.3:88', '--node-port', '80'), 2, 'node-port 80 is outside of the NodePort range 30000-32767'],
  [expose('2.2.2.3:88', '--node-port', '32768'), 2, 'node-port 32768 is outside of the NodePort range'],
  [expose('2.2.2.3:88', '--to', '2.2.2.3:88'), 2, 'to "2.2.2.3:88" is the VIP of the service itself'],
  [expose('2.2.2.3:88', '--to', '2.2.2.2:88'), 2, 'to "2.2.2.2:88" is the VIP of service "base"'],
  [expose('2.2.2.3:88', '--to', 'nobody'), 2, 'to "nobody" names no container'],
  [expose('2.2.2.3:88', '--to', 'web-1:1\nadd rule'), 2, 'has the port "1\\nadd rule", which is not'],
  [expose('2.2.2.3:88', '--protocol', 'tcp; x'), 2, 'protocol "tcp; x" is none of tcp, udp, sctp'],
  [['endpoint', 'add', 'base', '2.2.2.2:88'], 2, 'to "2.2.2.2:88" is the VIP of the service itself'],
  [['endpoint', 'add', 'none', 'web-1'], 3, 'there is no service "none"'],
  [['endpoint', 'rm', 'base', '\u001b[31m../x'], 3, 'has no endpoint "\\u001b[31m../x"'],
  [['unexpose', '9.9.9.9:1'], 3, 'no service has the address "9.9.9.9:1"'],
  [['get', 'services', 'none'], 3, 'there is no service "none"'],
  [['get', 'gadgets'], 2, 'type "gadgets" is none of'],
  [['get', 'nodes', '-o', 'x\n'], 2, 'output "x\\n" is none of'],
  [['status', '--timeout', '0'], 2, 'timeout "0" is not a length of time'],
  [['node', 'reserve', 'host-9'], 3, 'there is no host "host-9"; --ahead'],
  [
    ['node', 'reserve', 'host-1', '--subnet', '10.20.0.0/28'],
    2,
    'subnet "10.20.0.0/28" is not inside the container network 10.10.0.0/26',
  ],
  [
    ['node', 'reserve', 'host-1', '--subnet-ipv6', 'fd00::/64'],
    2,
    'subnet-ipv6 "fd00::/64" cannot be: the network has no IPv6',
  ],
  [['node', 'release', 'host-1', '--lease'], 4, 'host "host-1" is alive and would take its subnet again'],
  [['network', 'set'], 2, 'names nothing to change'],
  [['network', 'set', '--vni', '5'], 2, 'vni 5 is of a tunnel, and there is none'],
  [['network', 'set', '--subnet-len', '27'], 2, 'subnet-len 27 does not fit the network 10.10.0.0/26'],
  [
    ['network', 'set', '--network', '192.168.0.0/16'],
    2,
    'network "192.168.0.0/16" overlaps 192.168.122.0/24',
  ],
  [['network', 'set', '--network', '10.20.0.0/26'], 4, '1 host would have to take other subnets'],
  [['network', 'confirm'], 4, 'no change waits to be confirmed'],
  [['events', '--host', 'x\n'], 2, 'host "x\\n" is not a name'],
  [['--server', 'http://a\nb', 'get', 'nodes'], 2, 'server "http://a\\nb" is neither http://HOST:PORT nor'],
  [['--server', 'unix:/nonexistent', 'get', 'nodes'], 5, 'unix:/nonexistent: there is no such socket'],
  ...HOSTILE_NAMES.flatMap((name): SvcctlCase[] => [
    [['expose', '2.2.2.3:88', '--name', name], 2, `name ${quoted(name)}`],
    [['describe', 'service', name], 2, `name of the service ${quoted(name)}`],
  ]),
  [['unexpose', 'x;flush ruleset'], 2, 'service "x;flush ruleset" is not a name'],
  [['delete', 'container', '../x'], 2, 'name of the container "../x" is not a name'],
];

const service = (more: string) => `kind: Service\nname: new\nports: [{port: 88}]\n${more}`;
const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels);

/** A file for `svcctl apply`: its name, what is in it, and what the one sentence says. */
export const APPLY_CASES: readonly (readonly [file: string, text: string, says: string])[] = [
  ['open.yaml', 'kind: Service\nname: [new\n', 'line 3, column 1 is not valid YAML'],
  ['twice.yaml', service('name: newer\n'), 'line 4, column 1 is not valid YAML: Map keys must be unique'],
  ['tag.yaml', service('x: !!js/function y\n'), 'is not valid YAML: Unresolved tag'],
  ['bomb.yaml', bomb(), 'Excessive alias count'],
  ['circle.yaml', service('x: &x [*x]\n'), 'is nested deeper than 50 levels'],
  ['deep.yaml', service(`x: ${nested(20_000)}\n`), 'is not valid YAML: it is nested too deeply'],
  ['deep.json', nested(20_000), 'is nested deeper than 50 levels'],
  ['cut.json', '{"kind":', 'line 1, column 9 is not valid JSON'],
  ['twice.json', '{"name": "a", "name": "b"}', 'line 1, column 15 is not valid JSON: a key is given twice'],
  ['binary.yaml', '\u0000\u0001', 'is "\\u0000\\u0001", not an object with kind and name'],
  [
    'escape.yaml',
    'kind: "\\e[31mPod"\nname: x\n',
    'kind "\\u001b[31mPod" is not Service, Container, Workload or NetworkPolicy',
  ],
  ['name.yaml', 'kind: Service\nname: "a\\nb"\n', 'name "a\\nb" is not a name'],
  ['port.yaml', service('').replace('88', '88x'), 'ports[0].port "88x" is not a port'],
  ['field.yaml', service('"a\\e[31m\\nb": 1\n'), '"a\\u001b[31m\\nb" 1 is not a known field of the body'],
  ['vip.yaml', service('vip: "2.2.2.3; flush ruleset"\n'), 'vip "2.2.2.3; flush ruleset" is not an IPv4'],
  [
    'second.yaml',
    `${service('')}---\n${service('vip: 10.10.0.50\n').replace('new', 'new2')}`,
    'document 2 (line 5): vip "10.10.0.50" is inside the container network',
  ],
  [
    'files.yaml',
    'kind: Container\nname: new\nhost: host-1\ncommand: [sh]\nfiles: {"/../../etc/x": y}\n',
    'files "/../../etc/x" is not an absolute path of a file',
  ],
  ['big.yaml', service(`x: "${'a'.repeat(2_000_000)}"\n`), 'bytes, a controller takes at most 1048576'],
];

function bomb(): string {
  const line = (name: string, of: string) => `${name}: &${name} [${Array(9).fill(of).join(',')}]\n`;
  return `kind: Service\nname: bomb\n${line('a', 'x')}${line('b', '*a')}${line('c', '*b')}${line('d', '*c')}`;
}

/** A request, its status, and what the sentence of the problem says. */
export const REST_CASES: readonly (readonly [
  method: string,
  path: string,
  body: string | undefined,
  status: number,
  says: string,
])[] = [
  ['POST', '/v1/services', '{', 400, 'the body is not JSON'],
  ['POST', '/v1/services', '{"name":"a\u001b[31m"}', 400, 'the body is not JSON: Bad control character'],
  ['POST', '/v1/services', '', 422, 'the body is missing'],
  ['POST', '/v1/services', nested(20_000), 422, 'the body is nested deeper than 50 levels'],
  ['POST', '/v1/services', `{"ports":${nested(20_000)}}`, 422, 'the body is nested deeper than 50 levels'],
  ['POST', '/v1/services', '{"ports":[{"port":1}],"__proto__":{"vip":"1.1.1.1"}}', 422, '__proto__ {"vip":'],
  ['POST', '/v1/services', '{"ports":[{"port":1e400}]}', 422, 'ports[0].port null is not a port'],
  ['POST', '/v1/services', '{"ports":[{"port":1}],"endpoints":["1.1.1.1:8\\n"]}', 422, 'has the port "8\\n"'],
  ['POST', '/v1/services/base/endpoints', '{"to":"2.2.2.2"}', 422, 'to "2.2.2.2" is the VIP of the service'],
  ['PUT', '/v1/services/a%0ab', '{"ports":[{"port":1}]}', 422, 'name "a\\nb" is not a name'],
  [
    'PUT',
    '/v1/services/base',
    '{"name":"b","ports":[{"port":1}]}',
    422,
    'name "b" is not the name in the path',
  ],
  ['DELETE', '/v1/services/..%2f..%2fx', undefined, 404, 'there is no service'],
  ['DELETE', '/v1/services/base/endpoints/%0aflush', undefined, 404, 'has no endpoint "\\nflush"'],
  ['GET', '/v1/services?limit=0', undefined, 422, 'limit "0" is not a limit'],
  ['GET', '/v1/services?limit=1&limit=2', undefined, 422, 'limit ["1","2"] is given more than once'],
  ['GET', '/v1/services?continue=%0a', undefined, 422, 'continue "\\n" was not given out'],
  ['GET', '/v1/services?watch=perhaps', undefined, 422, 'watch "perhaps" is neither "true" nor "false"'],
  ['GET', '/nothing%0ahere', undefined, 404, 'there is no GET "/nothing%0ahere" here'],
  [
    'POST',
    '/v1/containers',
    '{"name":"new","host":"host-1","command":["sh"],"files":{"/proc/x":""}}',
    422,
    'files "/proc/x" is not an absolute path of a file',
  ],
  [
    'POST',
    '/v1/containers',
    '{"name":"new","host":"h\\n","command":["sh"]}',
    422,
    'host "h\\n" is not a name',
  ],
  [
    'POST',
    '/v1/containers',
    '{"name":"new","host":"host-1","command":"sh"}',
    422,
    'command "sh" is not a list',
  ],
  ['POST', '/v1/containers/web-1/pause', '{}', 404, 'there is no POST "/v1/containers/web-1/pause" here'],
  ['POST', '/v1/containers/a%0ab/stop', undefined, 404, 'there is no container "a\\nb"'],
  ['DELETE', '/v1/containers/web-1?force=perhaps', undefined, 422, 'force "perhaps" is neither'],
];

/** What the one sentence says, and the flags of an agent. */
export const AGENT_CASES: readonly (readonly [says: string, flags: readonly string[]])[] = [
  ['--name "two words" is no name', ['--name', 'two words']],
  ['--name "new\\nline" is no name', ['--name', 'new\nline']],
  ['(302 characters) is no name', ['--name', 'n'.repeat(300)]],
  ['--iface "eth0; reboot" is no name of a link', ['--iface', 'eth0; reboot']],
  ['--public-ip "1.2.3" is no IPv4 address', ['--public-ip', '1.2.3']],
  ['--iface "lo" is the loopback link', ['--iface', 'lo']],
  ['--public-ip "127.0.0.1" is a loopback address', ['--public-ip', '127.0.0.1']],
  ['--dataplane "pf" is none of nftables, iptables', ['--dataplane', 'pf']],
  ['--etcd "ftp://a" is not an address of the form http://HOST:PORT', ['--etcd', 'ftp://a']],
  ['--alive-seconds "0" is no whole number', ['--alive-seconds', '0']],
];

/** The same of a controller. */
export const CONTROLLER_CASES: readonly (readonly [says: string, flags: readonly string[]])[] = [
  ['network "10.0.0.0/29" is too small: a /28 or larger is needed', ['--network', '10.0.0.0/29']],
  ['network "10.0.0.0/16\\nx" is not an IPv4 network', ['--network', '10.0.0.0/16\nx']],
  ['overlaps the container network 10.96.0.0/12', ['--network', '10.96.0.0/12']],
  ['service-range "0.0.0.0/0" overlaps 0.0.0.0/8, where no VIP can be', ['--service-range', '0.0.0.0/0']],
  ['node-port-range "1-2; x" is not a range of ports', ['--node-port-range', '1-2; x']],
  ['listen "127.0.0.1:65536" is not an address and port', ['--listen', '127.0.0.1:65536']],
  ['etcd-listen "127.0.0.1;x" is not an IPv4 address', ['--etcd-listen', '127.0.0.1;x']],
  ['backend "udp" is not supported', ['--backend', 'udp']],
  ['subnet-len 17 does not fit the network 10.10.0.0/16', ['--subnet-len', '17']],
];
