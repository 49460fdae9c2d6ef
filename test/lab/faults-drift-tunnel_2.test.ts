import type { NodeView } from '@causeway/lab/api';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { planOf, told } from '../support/faults.ts';
import { type Flows, ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { comesBack, isSoon } from '../support/soon.ts';

/** What somebody breaks of the tunnels and of the second family on host-1 is put back while its agent runs. */
const up = useLab({ name: 'drift-tunnel', hosts: 2, networkIpv6: 'fd00:10::/48', backend: 'vxlan' });

/** All of it is back within this time, milliseconds; sysctls send no signal, they are looked at twice a second. */
const QUICK_MS = 1_000;
const SYSCTL_MS = 2_000;

/**
 * Scripts find `$peer` and `$peer6` (subnets of the other host), `$base` and `$base6` (their first addresses), `$host2`
 * and `$host26` (that host's addresses), `$mac` and `$mac6` (its ends of the tunnels) and `$own6` (the own subnet).
 */
type Damage = readonly [what: string, script: string, limitMs?: number];

const TUNNELS: readonly Damage[] = [
  ['the tunnel is deleted', 'ip link delete cwyx.1'],
  ['the tunnel of IPv6 is deleted', 'ip link delete cwyx6.1'],
  ['both tunnels go down', 'ip link set cwyx.1 down; ip link set cwyx6.1 down'],
  ['the tunnel goes down and up', 'ip link set cwyx.1 down; ip link set cwyx.1 up'],
  ['the tunnel gets another VNI', madeAnew('id 7 local $own4 dev eth0 dstport 8472 nolearning')],
  ['the tunnel gets another port', madeAnew('id 1 local $own4 dev eth0 dstport 4789 nolearning')],
  ['the tunnel gets another address', 'ip link set cwyx.1 address 0a:00:00:00:00:01'],
  ['the tunnel gets another MTU', 'ip link set cwyx.1 mtu 1400; ip link set cwyx6.1 mtu 1400'],
  [
    'the tunnels lose their addresses',
    'ip address flush dev cwyx.1; ip -6 address flush dev cwyx6.1 scope global',
  ],
  ['a tunnel of an earlier life is left', 'ip link add cwyx.9 type vxlan id 9 dev eth0 dstport 8472'],
  ['a neighbour is lost', 'ip neighbour delete $base dev cwyx.1; ip neighbour delete $base6 dev cwyx6.1'],
  ['a neighbour is wrong', 'ip neighbour replace $base lladdr 0a:00:00:00:00:02 dev cwyx.1 nud permanent'],
  ['a neighbour too many is there', 'ip neighbour replace 10.10.0.7 lladdr $mac dev cwyx.1 nud permanent'],
  [
    'all neighbours are lost',
    'ip neighbour flush dev cwyx.1 nud permanent; ip -6 neighbour flush dev cwyx6.1 nud permanent',
  ],
  ['a forwarding entry is lost', 'bridge fdb delete $mac dev cwyx.1; bridge fdb delete $mac6 dev cwyx6.1'],
  ['a forwarding entry is wrong', 'bridge fdb replace $mac dev cwyx.1 dst 192.168.122.99'],
  [
    'a forwarding entry too many is there',
    'bridge fdb append 0a:00:00:00:00:03 dev cwyx.1 dst 192.168.122.99',
  ],
];

const ROUTES: readonly Damage[] = [
  ['a route is deleted', 'ip route delete $peer6'],
  [
    'a route leads past the tunnel',
    'ip route replace $peer via $host2 proto 88; ip route replace $peer6 via $host26 proto 88',
  ],
  ['a stale route appears', 'ip route add fd00:99::/64 via $host26 proto 88'],
  ['the route to the own containers is deleted', 'ip route delete $own6'],
  ['the bridge loses its addresses', 'ip address flush dev cwy0; ip -6 address flush dev cwy0 scope global'],
  ['the bridge gets another MTU', 'ip link set cwy0 mtu 1400'],
  ['all routes of ours are flushed', 'ip route flush proto 88; ip -6 route flush proto 88'],
  ['packets are not forwarded', 'sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0', SYSCTL_MS],
  [
    'bridged packets pass the filter by',
    'sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0',
    SYSCTL_MS,
  ],
];

const RULES: Readonly<Record<Dataplane, readonly Damage[]>> = {
  nftables: [
    ['the table of IPv6 is deleted', 'nft delete table ip6 causeway'],
    ['the table of IPv6 is flushed', 'nft flush table ip6 causeway'],
    ['a rule of IPv6 is added', 'nft insert rule ip6 causeway postrouting counter drop'],
  ],
  iptables: [
    ['nat of IPv6 is flushed', 'ip6tables -t nat -F'],
    ['the filter of IPv6 is flushed', 'ip6tables -F'],
    ['a rule of IPv6 is added', 'ip6tables -t nat -I CWY-POSTROUTING -j ACCEPT'],
  ],
};

describe.each(DATAPLANES)('with %s, it is put back when', (dataplane) => {
  let names: string;
  let whole: string[];
  let flows: Flows;

  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    names = await namesOf();
    whole = await stateOf(dataplane);
    expect(whole.filter((line) => line.includes('cwyx6.1')).length).toBeGreaterThan(3);
    flows = startFlows(lab, ringOf(await lab.containers()));
    await flows.more(10);
  });
  afterAll(() => flows.stop());
  // What is lost while something is broken is lost; the stream shows that no connection ends by it.
  afterEach(async () => {
    await flows.more(3);
    expect(flows.lost().filter((what) => what.includes(': stream '))).toEqual([]);
  });

  // The rules of the network's links do not depend on the dataplane: with the second one, a few are enough.
  const damages = [
    ...(dataplane === 'nftables' ? [...TUNNELS, ...ROUTES] : TUNNELS.slice(0, 2)),
    ...RULES[dataplane],
  ];
  it.each(damages.map(([what, script, limitMs = QUICK_MS]) => ({ what, script, limitMs })))(
    '$what',
    async ({ script, limitMs }) => {
      await isSoon(limitMs, async () => {
        await output(up.lab, 'host-1', 'sh', '-c', `${names}; ${script}`);
        return comesBack(() => stateOf(dataplane), whole);
      });
    },
  );

  it('and in the end nothing is left to do', async () => {
    const { lab } = up;
    expect(await planOf(lab, 'host-1')).toBe('nothing to do');
    await expect.poll(() => told(lab, 'host-1')).toMatchObject({ code: 200, exitCode: 0 });
  });
});

describe("an administrator's own", () => {
  it('routes, rules, neighbours and links stay as they are, whatever is put back', async () => {
    const { lab } = up;
    const make = [
      'ip route add 198.51.100.0/24 via 192.168.122.2',
      'ip route add 2001:db8:99::/48 via fd00:122::2',
      'ip neighbour replace 192.168.122.99 lladdr 0a:00:00:00:00:09 dev eth0 nud permanent',
      'ip link add mine0 type bridge',
      'ip rule add from 10.10.0.0/16 lookup 100',
      'nft add table inet mine',
      'nft "add chain inet mine forward { type filter hook forward priority 0; }"',
      'nft add rule inet mine forward ip saddr 198.51.100.7 drop',
    ];
    await output(lab, 'host-1', 'sh', '-ec', make.join('\n'));
    const show = [
      'ip route; ip -6 route; ip rule',
      'ip neighbour show nud permanent',
      'ip -brief link',
      'nft list ruleset',
    ];
    const mine = async () => {
      const all = await output(lab, 'host-1', 'sh', '-c', show.join(';'));
      return all.split('\n').filter((line) => /198\.51|db8:99|122\.99|mine|lookup 100/.test(line));
    };
    const before = await mine();
    expect(before.length).toBeGreaterThan(6);
    const whole = await stateOf(lab.dataplane);
    await output(
      lab,
      'host-1',
      'sh',
      '-c',
      'ip link delete cwyx.1; ip link delete cwyx6.1; ip route flush proto 88',
    );
    await expect.poll(() => stateOf(lab.dataplane)).toEqual(whole);
    await lab.stopAgent('host-1');
    await lab.startAgent('host-1');
    await lab.ready();
    expect(await mine()).toEqual(before);
  });

  it('route in the way of a tunnel is told per peer and left alone, and ours comes back when it goes', async () => {
    const { lab } = up;
    const peer = (await nodeOf('host-2')).subnetIpv6 ?? '';
    const routes = () => output(lab, 'host-1', 'ip', '-6', 'route', 'show', peer);
    await output(lab, 'host-1', 'ip', 'route', 'delete', peer);
    await output(lab, 'host-1', 'ip', 'route', 'replace', peer, 'via', 'fd00:122::2');
    await output(lab, 'host-1', 'sh', '-c', `ip -6 route delete ${peer} proto 88; true`);
    const page = expect.stringMatching(new RegExp(`^\\[-\\]peer ${peer} of host-2 .*failed: `, 'm'));
    await expect.poll(() => told(lab, 'host-1')).toMatchObject({ code: 503, text: page, exitCode: 7 });
    expect(await routes()).toContain('via fd00:122::2');
    await output(lab, 'host-1', 'ip', 'route', 'delete', peer, 'via', 'fd00:122::2');
    await expect.poll(routes).toContain('proto 88');
    await expect.poll(() => told(lab, 'host-1')).toMatchObject({ code: 200, exitCode: 0 });
  });
});

function madeAnew(settings: string): string {
  return `ip link delete cwyx.1; ip link add cwyx.1 type vxlan ${settings}; ip link set cwyx.1 up`;
}

async function nodeOf(host: string): Promise<NodeView> {
  const found = (await up.lab.api.list<NodeView>('/v1/nodes')).find(({ name }) => name === host);
  if (found === undefined) throw new Error(`${host} is no host of the cluster`);
  return found;
}

/** Shell variables for the scripts. */
async function namesOf(): Promise<string> {
  const { lab } = up;
  const [own, peer] = await Promise.all(['host-1', 'host-2'].map(nodeOf));
  const mac = (link: string) => output(lab, 'host-2', 'cat', `/sys/class/net/${link}/address`);
  const values = {
    ...{ peer: peer?.subnet, peer6: peer?.subnetIpv6, own6: own?.subnetIpv6, own4: lab.addressOf('host-1') },
    ...{ base: peer?.subnet?.replace(/\/.*/, ''), base6: peer?.subnetIpv6?.replace(/\/.*/, '') },
    ...{ host2: lab.addressOf('host-2'), host26: lab.ipv6AddressOf('host-2') },
    ...{ mac: await mac('cwyx.1'), mac6: await mac('cwyx6.1') },
  };
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value}'`)
    .join(' ');
}

const STATE = `
ip -4 route show
ip -6 route show | grep -v fe80
for link in cwy0 cwyx.1 cwyx6.1; do ip -brief address show scope global dev $link; done
ip -o -d link show type vxlan | sed 's/^[0-9]*: //'
ip -brief link show | sed 's/@[^ ]*//' | awk '{ print $1, $2, $3 }'
ip -o link show dev cwy0 | grep -o 'mtu [0-9]*'
for link in cwyx.1 cwyx6.1; do ip neighbour show nud permanent dev $link; ip -6 neighbour show nud permanent dev $link; bridge fdb show dev $link; done
sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding net.bridge
`;
const LIST_RULES: Readonly<Record<Dataplane, string>> = {
  nftables: 'nft list table ip causeway; nft list table ip6 causeway',
  iptables: 'iptables-save; ip6tables-save',
};

/** Links, tunnels, neighbours, routes, settings and rules of host-1, without what differs between two equal ones. */
async function stateOf(dataplane: Dataplane): Promise<string[]> {
  const { stdout } = await up.lab.exec('host-1', ['sh', '-c', STATE + LIST_RULES[dataplane]]);
  return stdout
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.replace(/\[\d+:\d+\]|elements = \{|\}|qlen \d+/g, '').split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .sort();
}
