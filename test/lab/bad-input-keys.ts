import { keys } from '@causeway/shared/store/keys';

/** A key that somebody wrote into etcd, and what host-1 says of it. */
export interface BadKey {
  readonly key: string;
  readonly value: string;
  readonly says: string;
  /** How svcctl takes it away again; without it, only the etcd's own tool can. */
  readonly repair?: readonly string[];
}

const spec = (name: string, more: object) => ({
  ...{
    name,
    ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 88 }],
    endpoints: [],
    createdAt: 'x',
  },
  ...more,
});

function service(name: string, value: string | object, says: string): BadKey {
  const text = typeof value === 'string' ? value : JSON.stringify(spec(name, value));
  return { key: keys.serviceSpec(name), value: text, says, repair: ['delete', 'service', name] };
}

function container(name: string, value: string | object, says: string): BadKey {
  const whole = { name, host: 'host-1', command: ['sh'], files: {} };
  const text = typeof value === 'string' ? value : JSON.stringify({ ...whole, ...value });
  return { key: keys.container(name), value: text, says, repair: ['delete', 'container', name] };
}

const lease = (subnet: string, value: object, says: string): BadKey => ({
  key: keys.subnet({ ipv4: subnet }),
  value: JSON.stringify({ PublicIP: '192.168.122.66', BackendType: 'host-gw', ...value }),
  says,
});

const port = (more: object) => ({
  ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 88, ...more }],
});

/** Nothing of these may reach the kernel, and none of them may take anything away. */
export const BAD_KEYS: readonly BadKey[] = [
  service('not-json', 'not json', 'services/not-json/spec: its value "not json" is not JSON'),
  service('control', '\u001b[31m\n[-]etcd failed', 'its value "\\u001b[31m\\n[-]etcd failed" is not JSON'),
  service('rule', { vip: '2.2.2.9 ; flush ruleset' }, 'vip "2.2.2.9 ; flush ruleset" is not an IPv4 address'),
  service('loopback', { vip: '127.0.0.1' }, 'vip "127.0.0.1" is an address that nobody can have'),
  service(
    'neighbour',
    { vip: '192.168.122.77' },
    'service "neighbour" is left out: its VIP 192.168.122.77 lies in the network 192.168.122.0/24',
  ),
  service('own', { vip: '192.168.122.11' }, 'service "own" is left out: its VIP 192.168.122.11'),
  service(
    'inside',
    { vip: '10.10.0.50' },
    '"inside" is left out: its VIP 10.10.0.50 lies in the container network',
  ),
  service('protocol', { vip: '2.2.2.9', ...port({ protocol: 'tcp; x' }) }, 'ports.0.protocol "tcp; x"'),
  service(
    'port',
    { vip: '2.2.2.9', ...port({ port: '88 accept' }) },
    'ports.0.port "88 accept" is not a port',
  ),
  service('named', { vip: '2.2.2.9', ...port({ name: 'a\nb' }) }, 'ports.0.name "a\\nb" is not a name'),
  service('later', { vip: '2.2.2.2' }, 'service "later" is left out: 2.2.2.2 tcp 88 is taken by "base"'),
  service('zero', { vip: '2.2.2.9', ...port({ nodePort: 0 }) }, 'ports.0.nodePort 0 is not a port'),
  {
    key: `${keys.servicePrefix}a\u001b[31m\n[-]etcd failed: not really/spec`,
    value: 'x',
    says: 'services/a\\u001b[31m\\u000a[-]etcd failed: not really/spec: its value "x" is not JSON',
  },
  {
    key: `${keys.servicePrefix}../x/spec`,
    value: JSON.stringify(spec('x', { vip: '2.2.2.9' })),
    says: 'services/../x/spec: its value belongs to key /causeway/v1/services/x/spec',
  },
  container('not-json', 'nope', 'containers/not-json: its value "nope" is not JSON'),
  container('words', { command: 'sh -c id' }, 'containers/words: command "sh -c id"'),
  container('nothing', { command: [1] }, 'containers/nothing: command.0 1'),
  container('nul', { command: ['sh\u0000'] }, 'containers/nul: command.0'),
  container('relative', { files: { 'etc/x': '' } }, 'containers/relative: files.etc/x'),
  {
    key: `${keys.containerPrefix}../climber`,
    value: JSON.stringify({ name: '../climber', host: 'host-1', command: ['sh'], files: {} }),
    says: 'containers/../climber: name "../climber" is not a name',
  },
  lease(
    '10.10.0.16/29',
    { PublicIP: '192.168.122.66; ip link del eth0' },
    'publicip "192.168.122.66; ip link',
  ),
  lease(
    '10.10.0.0/28',
    { CausewayNode: { id: 'x', name: 'a\n b' } },
    'causewaynode.name "a\\n b" is not a name',
  ),
  lease('0.0.0.0/0', {}, 'subnets/0.0.0.0-0: the key names no subnet'),
  lease(
    '192.168.122.0/24',
    {},
    'no route to subnet 192.168.122.0/24 of 192.168.122.66: its subnet lies outside',
  ),
  lease('10.10.0.8/29', { PublicIP: '8.8.8.8' }, 'of 8.8.8.8: its address lies outside 192.168.122.0/24'),
  lease('10.10.0.0/29', { BackendType: 'host-gw\n' }, 'its backend is "host-gw\\n", and only host-gw'),
  { key: `${keys.subnetPrefix}x;y`, value: '{}', says: 'subnets/x;y: the key names no subnet' },
];

/** What a container that cannot be is refused for, by its host. */
export const BAD_CONTAINERS: readonly (readonly [name: string, more: object, reason: string])[] = [
  ['climber', { files: { '/../../../tmp/causeway-climber': 'x' } }, 'has an empty, "." or ".." part'],
  ['hidden', { files: { '/proc/x': '' } }, 'lies under /proc'],
];

/** Keys whose values are there already: what was read before them goes on. */
export const FOUNDATIONS: readonly (readonly [key: string, value: string, says: string])[] = [
  [keys.serviceSpec('base'), 'not json', 'services/base/spec: its value "not json" is not JSON'],
  [keys.container('web-1b'), 'not json', 'containers/web-1b: its value "not json" is not JSON'],
  [keys.container('web-1'), '{"name":"web-1"}', 'containers/web-1: host undefined'],
  [keys.settings, 'not json', 'settings: its value "not json" is not JSON'],
  [
    keys.settings,
    '{"serviceRange":"0.0.0.0/0","nodePortMin":30000,"nodePortMax":32767}',
    'serviceRange "0.0.0.0/0" holds addresses that nobody can have',
  ],
  [keys.networkConfig, 'not json', 'config: its value "not json" is not JSON'],
  [
    keys.networkConfig,
    '{"Network":"10.10.0.0/26; flush ruleset","Backend":{"Type":"host-gw"}}',
    'Network "10.10.0.0/26; flush ruleset" is not an IPv4 network',
  ],
  [
    keys.networkConfig,
    '{"Network":"10.10.0.0/26","Backend":{"Type":"vx\\nlan"}}',
    'Backend.Type "vx\\nlan" is not supported',
  ],
];
