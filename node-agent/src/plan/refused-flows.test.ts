import type { PolicyIntent, PolicySideIntent } from '@causeway/shared/desired/intent';
import { expect, it } from 'vitest';
import { endpoint, intentOf, serviceIntent } from '../../../test/support/intents.ts';
import type { Flow } from './flows.ts';
import { isNamed } from './flows-deletions.ts';
import { refusedFlows } from './refused-flows.ts';

const [WEB, DB, CLIENT, HOST, VIP] = ['10.10.1.2', '10.10.1.3', '203.0.113.8', '192.168.122.11', '2.2.2.2'];
const NOTHING: PolicySideIntent = { default: 'allow', deny: [], allow: [], limited: [] };
const of = (sides: Pick<PolicyIntent, 'ingress' | 'egress'>): PolicyIntent => ({
  ...{ id: 'a1', subjects: [WEB] },
  ...sides,
});

const ruled = (...policies: readonly PolicyIntent[]) => ({ ...intentOf([]), policies });

/** @param asked what the client asked for, where that is another place */
function flow(
  source: string,
  destination: string,
  port: number,
  asked = destination,
  sourcePort = 4000,
): Flow {
  return {
    protocol: 'tcp',
    original: { source, sourcePort, destination: asked, destinationPort: port },
    reply: { source: destination, sourcePort: port, destination: source, destinationPort: sourcePort },
    replied: true,
  };
}
const ping = (source: string, destination: string): Flow => ({
  ...flow(source, destination, 0, destination, 0),
  protocol: 'icmp',
});

/** @returns those of the flows that are to go */
function gone(flows: readonly Flow[], policy: PolicyIntent): readonly Flow[] {
  const deletions = refusedFlows({ flows, local: [`${HOST}/32`], linkLocal: [] }, ruled(policy));
  const named = flows.filter((one) => deletions.some((deletion) => isNamed(deletion, one)));
  expect(deletions.reduce((sum, { count }) => sum + count, 0)).toBe(named.length);
  return named;
}

it('ends what the policy of its destination refuses, and nothing else', () => {
  const ingress: PolicySideIntent = { ...NOTHING, deny: [{ cidr: '203.0.113.0/24' }] };
  const refused = [flow(CLIENT, WEB, 80), ping(CLIENT, WEB)];
  const others = [flow(CLIENT, DB, 80), flow(DB, WEB, 80), flow(WEB, CLIENT, 80)];
  expect(gone([...refused, ...others], of({ ingress }))).toEqual(refused);
});

it('ends what the policy of its source refuses, also by what was asked for', () => {
  const egress: PolicySideIntent = { ...NOTHING, deny: [{ cidr: `${VIP}/32` }, { cidr: `${CLIENT}/32` }] };
  const refused = [flow(WEB, DB, 80, VIP), flow(WEB, CLIENT, 80)];
  expect(gone([...refused, flow(WEB, DB, 80), flow(CLIENT, DB, 80, VIP)], of({ egress }))).toEqual(refused);
});

it('leaves what the host has begun, and what only a limit speaks of', () => {
  const limit = { connections: 1, per: 'minute', burst: 1 } as const;
  const limited = [{ matches: [{ cidr: '0.0.0.0/0', protocol: 'tcp' }], ...limit }] as const;
  const ingress: PolicySideIntent = { ...NOTHING, default: 'deny', limited };
  const refused = [ping(CLIENT, WEB)];
  expect(gone([flow(CLIENT, WEB, 80), ...refused, ping(HOST, WEB)], of({ ingress }))).toEqual(refused);
});

it('ends whatever goes by link-local addresses on the bridge once there is a policy, whomever it means', () => {
  const [A, B, BRIDGE, UPLINK, ROUTER] = ['fe80::a', 'fe80::b', 'fe80::1', 'fe80::2', 'fe80::ff'];
  const intent = intentOf([], 'ipv6');
  const linkLocal = [
    { link: intent.bridge, cidr: `${BRIDGE}/128` },
    { link: 'eth0', cidr: `${UPLINK}/128` },
  ];
  const refused = [flow(A, B, 80), flow(A, BRIDGE, 80), flow('fd00:10:0:1::2', B, 80), ping(A, 'ff02::1')];
  const others = [flow(BRIDGE, A, 80), flow(ROUTER, UPLINK, 22), flow(UPLINK, ROUTER, 53), flow(WEB, DB, 80)];
  const flows = [...refused, ...others];
  const listing = { flows, linkLocal, local: linkLocal.map(({ cidr }) => cidr) };
  const deletions = refusedFlows(listing, { ...intent, policies: [of({ ingress: NOTHING })] });
  expect(flows.filter((one) => deletions.some((deletion) => isNamed(deletion, one)))).toEqual(refused);
  expect(refusedFlows(listing, intent)).toEqual([]);
});

it('names no flow to a VIP that leads where the container may go', () => {
  const egress: PolicySideIntent = { ...NOTHING, default: 'deny', allow: [{ cidr: `${DB}/32` }] };
  const service = serviceIntent({ id: 'db', vip: VIP, endpoints: [endpoint(DB)] });
  const intent = { ...intentOf([service]), policies: [of({ egress })] };
  const listing = { flows: [flow(WEB, '2.2.2.3', 80)], local: [], linkLocal: [] };
  const [deletion] = refusedFlows(listing, intent);
  expect(deletion?.original.destination).toBe('2.2.2.3/32');
  const [wider] = refusedFlows(listing, { ...intent, services: [] });
  expect(wider?.original.destination).toBe('0.0.0.0/5');
});

it('looks through the services once, not for each flow of a container', () => {
  let looks = 0;
  const service = {
    ...serviceIntent({ id: 'db', endpoints: [endpoint(DB)] }),
    get vip() {
      looks += 1;
      return VIP;
    },
  };
  const egress: PolicySideIntent = { ...NOTHING, deny: [{ cidr: '203.0.113.0/24' }] };
  // Of several containers: one has no name that another's flow has already.
  const subjects = ['10.10.1.2', '10.10.1.4', '10.10.1.5'];
  const looksFor = (sources: readonly string[]) => {
    looks = 0;
    const flows = sources.map((source) => flow(source, CLIENT, 80));
    const intent = { ...intentOf([service]), policies: [{ ...of({ egress }), subjects }] };
    expect(refusedFlows({ flows, local: [], linkLocal: [] }, intent)).toHaveLength(sources.length);
    return looks;
  };
  expect(looksFor(subjects)).toBe(looksFor([WEB]));
});

it('names the many of all clients whom one rule refuses by one deletion', () => {
  const ingress: PolicySideIntent = { ...NOTHING, default: 'deny' };
  const many = Array.from({ length: 500 }, (_, i) => flow(`203.0.113.${i % 256}`, WEB, 80 + (i % 3)));
  const deletions = refusedFlows({ flows: many, local: [], linkLocal: [] }, ruled(of({ ingress })));
  expect(deletions).toEqual([
    {
      ...{ protocol: 'tcp', count: 500 },
      original: { source: '0.0.0.0/0' },
      reply: { source: WEB },
    },
  ]);
});

it('finds those of fifty thousand that come from ten thousand clients who are denied one by one', () => {
  // No two of them fill a block.
  const deny = Array.from({ length: 10_000 }, (_, i) => ({ cidr: `198.18.${i >> 7}.${(i & 127) * 2}/32` }));
  const ingress: PolicySideIntent = { ...NOTHING, deny };
  const flows = Array.from({ length: 50_000 }, (_, i) =>
    flow(`198.18.${(i >> 7) % 128}.${(i & 127) * 2}`, WEB, 80, WEB, 1000 + (i % 60_000)),
  );
  expect(gone(flows.slice(0, 100), of({ ingress }))).toHaveLength(100);
  const deletions = refusedFlows({ flows, local: [], linkLocal: [] }, ruled(of({ ingress })));
  expect(deletions.length).toBe(10_000);
});

it('names clients who are denied one by one by the blocks that they fill', () => {
  const deny = Array.from({ length: 10_000 }, (_, i) => ({ cidr: `198.18.${i >> 8}.${i & 255}/32` }));
  const ingress: PolicySideIntent = { ...NOTHING, deny: [...deny, { cidr: '198.18.64.0/18' }] };
  const flows = Array.from({ length: 20_000 }, (_, i) => flow(`198.18.${i >> 8}.${i & 255}`, WEB, 80));
  const deletions = refusedFlows({ flows, local: [], linkLocal: [] }, ruled(of({ ingress })));
  expect(deletions.map(({ original, count }) => `${original.source} ${count}`)).toEqual([
    ...['198.18.0.0/19 8192', '198.18.32.0/22 1024', '198.18.36.0/23 512', '198.18.38.0/24 256'],
    ...['198.18.39.0/28 16', '198.18.64.0/18 3616'],
  ]);
});

it('names each time widely, of whichever ports it was asked before', () => {
  const allow = [{ cidr: `${CLIENT}/32`, protocol: 'tcp', firstPort: 1, lastPort: 1 }] as const;
  const ingress: PolicySideIntent = { ...NOTHING, default: 'deny', allow };
  const intent = ruled(of({ ingress }));
  const sourcesOf = (firstPort: number) => {
    const flows = Array.from({ length: 16 }, (_, i) => flow(CLIENT, WEB, firstPort + i));
    const deletions = refusedFlows({ flows, local: [], linkLocal: [] }, intent);
    return new Set(deletions.map(({ original }) => original.source));
  };
  for (const firstPort of [80, 180, 280, 380]) expect([...sourcesOf(firstPort)]).toEqual(['0.0.0.0/0']);
});
