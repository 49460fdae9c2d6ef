import type { Lab } from '@causeway/lab/lab';
import { hostLinkOf } from '@causeway/node-agent/containers/places';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { beforeAll, describe, expect, it } from 'vitest';
import { planOf, svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { comesBack, isSoon } from '../support/soon.ts';

/**
 * Whatever somebody breaks on host-1 is put back while its agent runs. It begins with iptables, so that each
 * dataplane is damaged right after it took over from the other.
 */
const up = useLab({ name: 'drift', hosts: 2, dataplane: 'iptables' });

/** Routes and rules are back within this time, milliseconds; what more must be made for, within the other. */
const QUICK_MS = 1_000;
const PATIENT_MS = 5_000;

/** The script finds `$peer` (subnet of the other host), `$own` (of this one) and `$link` (of web-1). */
type Damage = readonly [what: string, script: string, limitMs?: number];

const REJECT_RULE = 'nft -a list chain ip causeway refuse | sed -n "s/.*tcp reset.*handle //p"';
const SERVICE_CHAIN = 'iptables -t nat -S | sed -n "s/^-N \\(CWY-SVC-.*\\)/\\1/p"';

const RULES: Readonly<Record<Dataplane, readonly Damage[]>> = {
  nftables: [
    ['the whole ruleset is flushed', 'nft flush ruleset'],
    ['our table is deleted', 'nft delete table ip causeway'],
    ['our table is flushed', 'nft flush table ip causeway'],
    ['a rule is deleted', `nft delete rule ip causeway refuse handle $(${REJECT_RULE})`],
    ['an endpoint is deleted', 'nft delete element ip causeway pick2 { 2.2.2.2 . tcp . 88 . 1 }'],
    ['a service is added', 'nft add element ip causeway services { 9.9.9.9 . tcp . 99 : drop }'],
    ['a rule is added', 'nft insert rule ip causeway pick2 counter drop'],
  ],
  iptables: [
    ['everything is flushed with nft', 'nft flush ruleset'],
    ['nat is flushed', 'iptables -t nat -F'],
    ['the filter is flushed', 'iptables -F'],
    ['one of our chains is flushed', 'iptables -t nat -F CWY-SERVICES'],
    ['a jump into our chains is deleted', 'iptables -t nat -D PREROUTING 1'],
    ['a rule in the middle is deleted', `iptables -t nat -D $(${SERVICE_CHAIN}) 2`],
    ['a rule is replaced', `iptables -t nat -R $(${SERVICE_CHAIN}) 1 -j RETURN`],
    ['a rule is added', 'iptables -t nat -I CWY-SERVICES -d 9.9.9.9 -j ACCEPT'],
  ],
};

const FLAP = 'ip link set eth0 down && ip link set eth0 up && ip route add default via 192.168.122.1';
const NETWORK: readonly Damage[] = [
  ['a route is deleted', 'ip route delete $peer'],
  ['a route gets another gateway', 'ip route replace $peer via 192.168.122.200 proto 88'],
  ['a stale route appears', 'ip route add 10.99.0.0/24 via 192.168.122.200 proto 88'],
  ['the routes are lost with the link', FLAP],
  ['the route to the own containers is deleted', 'ip route delete $own'],
  ['the bridge is deleted', 'ip link delete cwy0', PATIENT_MS],
  ['the bridge goes down', 'ip link set cwy0 down', PATIENT_MS],
  ['the bridge loses its address', 'ip address flush dev cwy0', PATIENT_MS],
  ["a container's link is deleted", 'ip link delete $link', PATIENT_MS],
  ["a container's link leaves the bridge", 'ip link set $link nomaster', PATIENT_MS],
  ["a container's link loses its hairpin mode", 'bridge link set dev $link hairpin off', PATIENT_MS],
  ['a container is deleted', 'runc --root /run/causeway/runc delete -f web-1', PATIENT_MS],
  ['all of it goes at once', 'ip link delete cwy0; ip route flush proto 88; nft flush ruleset', PATIENT_MS],
];

describe.each(DATAPLANES)('with %s, it is put back when', (dataplane) => {
  let names: string;
  let whole: string[];

  beforeAll(async () => {
    const { lab } = up;
    await svcctl(
      lab,
      'expose',
      '2.2.2.2:88',
      '--name',
      'web',
      ...ENDPOINTS,
      '--node-port',
      '30001',
      '--wait',
    );
    const containers = await lab.containers();
    const subnetOf = (host: string) =>
      containers.find((each) => each.host === host)?.address.replace(/\d+$/, '0/24');
    names = `peer=${subnetOf('host-2')} own=${subnetOf('host-1')} link=${hostLinkOf('web-1')}`;
    await lab.useDataplane(dataplane);
    whole = await stateOf(lab, dataplane);
  });

  const damages = [...RULES[dataplane], ...NETWORK].map(([what, script, limitMs = QUICK_MS]) => ({
    ...{ what, script, limitMs },
  }));
  it.each(damages)('$what', async ({ script, limitMs }) => {
    const { lab } = up;
    await isSoon(limitMs, async () => {
      await output(lab, 'host-1', 'sh', '-c', `${names}; ${script}`);
      return comesBack(() => stateOf(lab, dataplane), whole);
    });
  });

  it('and in the end nothing is left to do, and everything is served', async () => {
    const { lab } = up;
    await lab.ready();
    expect(await planOf(lab, 'host-1')).toBe('nothing to do');
    for (const argv of [[], ['ip', 'netns', 'exec', 'cwy-web-1']])
      expect(await output(lab, 'host-1', ...argv, 'curl', '-sSm5', 'http://2.2.2.2:88/hello')).toMatch(
        /^hello/,
      );
  });
});

describe("somebody else's route in the way", () => {
  it('is told and left alone, and ours is there as soon as it is gone', async () => {
    const { lab } = up;
    const peer = (await lab.containers()).find((each) => each.host === 'host-2')?.address ?? '';
    const subnet = peer.replace(/\d+$/, '0/24');
    const routes = () => output(lab, 'host-1', 'ip', 'route', 'show', subnet);
    await output(lab, 'host-1', 'ip', 'route', 'replace', subnet, 'via', '192.168.122.200');
    const status = () => lab.svcctl(['status']);
    const told = `a route that is not ours leads elsewhere (${subnet} via 192.168.122.200`;
    await expect.poll(status).toMatchObject({ exitCode: 7, stderr: expect.stringContaining(told) });
    expect(await routes()).toBe(`${subnet} via 192.168.122.200 dev eth0`);
    await output(lab, 'host-1', 'ip', 'route', 'delete', subnet);
    await expect.poll(routes).toContain('proto 88');
    await expect.poll(status).toMatchObject({ exitCode: 0 });
  });
});

const ENDPOINTS = ['--to', 'web-1:12345', '--to', 'web-2:12345'];

const STATE = `
ip -4 route show
ip -4 -brief address show dev cwy0
ip -brief link show | sed 's/@[^ ]*//' | awk '{ print $1, $2 }'
for link in /sys/class/net/cwy0/brif/*; do echo "$link $(cat "$link/hairpin_mode")"; done
ip netns list | sed 's/ .*//'
runc --root /run/causeway/runc list | awk '{ print $1, $3 }'
`;
const LIST_RULES: Readonly<Record<Dataplane, string>> = {
  nftables: 'nft list table ip causeway',
  iptables: 'iptables-save',
};

/** Links, addresses, routes, containers and rules of host-1, without what differs between two equal ones. */
async function stateOf(lab: Lab, dataplane: Dataplane): Promise<string[]> {
  const { stdout } = await lab.exec('host-1', ['sh', '-c', STATE + LIST_RULES[dataplane]]);
  return stdout
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .flatMap((line) => line.replace(/\[\d+:\d+\]|elements = \{|\}/g, '').split(','))
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .sort();
}
