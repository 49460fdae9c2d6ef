import type { FirewallIntent, PolicyIntent } from '@causeway/shared/desired/intent';
import { type Block, bitsOf, formatBlock, parseBlock } from '@causeway/shared/net/block';
import { createRefusedAround, type OtherEnd } from '@causeway/shared/rules/refused-block';
import type { Flow, Tuple } from './flows.ts';
import type { Deletion } from './flows-deletions.ts';

/** What a flow is named by, without how many have that name. */
export type Name = Omit<Deletion, 'count'>;

/**
 * Names flows that policies refuse by as little as is true of refused ones alone: whoever removes flows reads the whole table
 * for each name, so that what comes from a thousand clients whom one rule refuses should be one. Not even a flow that begins
 * in this moment may have the name, unless it is refused, too.
 *
 * @param own the host's addresses: what it begins itself is never refused
 */
export function createNames(
  { policies, services, serviceRange }: Pick<FirewallIntent, 'policies' | 'services' | 'serviceRange'>,
  own: readonly Block[],
): (flow: Flow) => Name {
  const bySubject = new Map<string, PolicyIntent>(
    policies.flatMap((policy) => policy.subjects.map((one) => [one, policy] as const)),
  );
  const refusedAround = createRefusedAround();
  // Whoever asks for one of these is judged by where it leads. There are many, and it is rarely asked.
  let translated: readonly Block[] | undefined;
  const fronts = () => {
    translated ??= [...own, ...frontsOf(services, serviceRange)];
    return translated;
  };

  return (flow) => {
    const { protocol, original, reply } = flow;
    const to = bySubject.get(reply.source)?.ingress;
    const client = { address: original.source, protocol, ...portOf(flow, reply.sourcePort) };
    const clients = to === undefined ? undefined : widest((end) => refusedAround(to, end, own), client);
    if (clients !== undefined)
      return {
        protocol,
        original: { source: clients.block },
        reply: { source: reply.source, ...(clients.isAnyPort ? {} : { sourcePort: reply.sourcePort }) },
      };
    const from = bySubject.get(original.source)?.egress;
    const server = { address: original.destination, protocol, ...portOf(flow, original.destinationPort) };
    const servers =
      from === undefined || original.destination !== reply.source
        ? undefined
        : widest((end) => refusedAround(from, end, fronts()), server);
    if (servers === undefined) return exactly(flow);
    const { destinationPort } = original;
    return {
      protocol,
      original: {
        ...{ source: original.source, destination: servers.block },
        ...(servers.isAnyPort ? {} : { destinationPort }),
      },
      reply: {},
    };
  };
}

function frontsOf(
  services: FirewallIntent['services'],
  serviceRange: FirewallIntent['serviceRange'],
): readonly Block[] {
  const ranges = serviceRange === undefined ? [] : [serviceRange];
  const vips = services.flatMap(({ vip }) =>
    vip === undefined ? [] : [`${vip}/${bitsOf(vip.includes(':') ? 'ipv6' : 'ipv4')}`],
  );
  return [...ranges, ...vips].flatMap((text) => parseBlock(text) ?? []);
}

/** By who began it, what he asked for and where it leads. */
export function exactly({ protocol, original, reply }: Flow): Name {
  const { source, destination, destinationPort } = original;
  if (protocol === 'icmp')
    return { protocol, original: { source, destination }, reply: { source: reply.source } };
  return {
    protocol,
    original: { source, destination, destinationPort },
    reply: { source: reply.source, sourcePort: reply.sourcePort },
  };
}

function portOf({ protocol }: Flow, port: number): Pick<OtherEnd, 'port'> {
  return protocol === 'icmp' ? {} : { port };
}

/** All ports, if all are refused; else the one. */
function widest(
  around: (end: OtherEnd) => Block | undefined,
  end: OtherEnd,
): { readonly block: Tuple['source']; readonly isAnyPort: boolean } | undefined {
  const { port: _one, ...anyPort } = end;
  const ofAny = around(anyPort);
  const block = ofAny ?? around(end);
  return block === undefined ? undefined : { block: formatBlock(block), isAnyPort: ofAny !== undefined };
}
