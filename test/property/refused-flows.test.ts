import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { Flow, FlowProtocol } from '../../node-agent/src/plan/flows.ts';
import { isNamed } from '../../node-agent/src/plan/flows-deletions.ts';
import { refusedFlows } from '../../node-agent/src/plan/refused-flows.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { judgeOf } from '../../shared/src/rules/judge.ts';
import { anyNetworkPolicies, POLICY_PORTS, POLICY_WORLD } from '../support/any-network-policies.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';

const HOST = { ipv4: '192.168.122.11', ipv6: 'fd00:122::11' } as const satisfies Record<Family, string>;
const VIP = { ipv4: '10.9.9.9', ipv6: 'fd00:11::9' } as const satisfies Record<Family, string>;

/** From and to containers, strangers and the host itself; some ask for a VIP and are led elsewhere. */
function anyFlow(family: Family): fc.Arbitrary<Flow> {
  const { addresses, subjects } = POLICY_WORLD[family];
  const anybody = fc.constantFrom<string>(...addresses, ...subjects, HOST[family]);
  const protocol = fc.constantFrom<FlowProtocol>('tcp', 'udp', 'sctp', 'icmp');
  const port = fc.constantFrom(...POLICY_PORTS);
  return fc
    .record({ protocol, source: anybody, to: anybody, port, asked: port, isAsked: fc.boolean() })
    .map(({ protocol: which, source, to, port: at, asked, isAsked }) => {
      const ports = which === 'icmp' ? { from: 0, at: 0, asked: 0 } : { from: 4_000, at, asked };
      const isTranslated = isAsked && which !== 'icmp';
      return {
        protocol: which,
        original: {
          ...{ source, sourcePort: ports.from, destination: isTranslated ? VIP[family] : to },
          destinationPort: isTranslated ? ports.asked : ports.at,
        },
        reply: { source: to, sourcePort: ports.at, destination: source, destinationPort: ports.from },
        replied: true,
      };
    });
}

it.each(FAMILIES)(
  'all flows that are refused are named, and none that is not, listed or not: %s',
  (family) => {
    const flows = fc.array(anyFlow(family), { maxLength: 40 });
    fc.assert(
      fc.property(anyNetworkPolicies(family), flows, flows, (policies, listed, others) => {
        const service = serviceIntent({
          id: 'web',
          vip: VIP[family],
          endpoints: [endpoint(HOST[family], 80)],
        });
        const intent = { ...intentOf([service], family), policies };
        const local = [`${HOST[family]}/${family === 'ipv4' ? 32 : 128}`];
        const deletions = refusedFlows({ flows: listed, local, linkLocal: [] }, intent);
        const judge = judgeOf(policies);
        const isRefused = ({ protocol, original, reply }: Flow) =>
          original.source !== HOST[family] &&
          judge({
            ...{ protocol, source: original.source, destination: reply.source },
            ...(protocol === 'icmp' ? {} : { port: reply.sourcePort }),
            ...(original.destination === reply.source
              ? {}
              : { askedFor: original.destination, askedForPort: original.destinationPort }),
          }) === 'refuse';
        const isGone = (flow: Flow) => deletions.some((deletion) => isNamed(deletion, flow));
        expect(listed.map(isGone)).toEqual(listed.map(isRefused));
        for (const flow of others) if (isGone(flow)) expect(isRefused(flow), JSON.stringify(flow)).toBe(true);
        expect(deletions.reduce((sum, { count }) => sum + count, 0)).toBe(listed.filter(isRefused).length);
      }),
      { numRuns: 2_000 },
    );
  },
);
