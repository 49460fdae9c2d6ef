import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { PublishedHolder } from '@causeway/shared/model/container';
import type { Settings } from '@causeway/shared/model/settings';
import { blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { hostNetworks } from '../view/facts.ts';
import type { Tables } from '../view/tables.ts';
import { meetsNodePorts, type NodePortPlaces } from './node-port-places.ts';
import { checkDisjoint, checkHostNetworks, checkOwnAddresses, named, type OwnAddress } from './ranges.ts';

type Facts = Pick<
  Tables,
  'config' | 'accepted' | 'node' | 'vip' | 'nodePort' | 'published' | 'endpoints' | 'workload'
>;

/** The fields of the API by the flags that the checks of ranges name. */
const FIELDS: Readonly<Record<string, string>> = {
  'service-range': 'serviceRange',
  'service-range-ipv6': 'serviceRangeIpv6',
  'node-port-cidrs': 'nodePortCidrs',
};

/**
 * Refuses settings that would take something from those who have it: a range that is new must hold nobody's address, and
 * one that becomes smaller must keep what was given out of it. What stays is not judged.
 *
 * @throws CausewayError `invalid`, or `conflict` when a VIP or a NodePort that is in use would be left out
 */
export function checkNewSettings(
  before: Settings,
  after: Settings,
  facts: Facts,
  own: readonly OwnAddress[],
): void {
  inFields(() => {
    const { serviceRange, serviceRangeIpv6 } = after;
    const ranges = {
      ...(serviceRange === before.serviceRange ? {} : { serviceRange }),
      ...(serviceRangeIpv6 === before.serviceRangeIpv6 ? {} : { serviceRangeIpv6 }),
    };
    for (const { value: config } of [...facts.config.values(), ...facts.accepted.values()])
      checkDisjoint({ network: config.ipv4?.network, networkIpv6: config.ipv6?.network, ...ranges });
    checkHostNetworks(ranges, hostNetworks([...facts.node.values()].map(({ value }) => value)));
    checkOwnAddresses(ranges, own);
    for (const [flag, text] of named(ranges)) checkNobodyInside(flag, text, facts);
  });
  checkVipsKept('serviceRange', before.serviceRange, after.serviceRange, facts);
  checkVipsKept('serviceRangeIpv6', before.serviceRangeIpv6, after.serviceRangeIpv6, facts);
  checkNodePortsKept(before, after, facts);
  checkNotPublished(before, after, facts);
}

/** Lets a refusal name the field of the API instead of the flag. */
export function inFields<T>(act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (!(error instanceof CausewayError) || error.field === undefined) throw error;
    const field = FIELDS[error.field];
    if (field === undefined) throw error;
    const { code, field: flag, value, message } = error;
    throw new CausewayError(code, `${field}${message.slice(flag.length)}`, { field, value, cause: error });
  }
}

/** Whoever has an address in a service range could not be reached there any more. */
function checkNobodyInside(flag: string, range: string, { node, endpoints, workload }: Facts): void {
  const isInside = isIn(range);
  for (const { value } of node.values()) {
    const address = value.addresses.find(isInside);
    if (address !== undefined)
      throw invalid(flag, range, `holds ${address}, an address of host "${value.name}"`);
  }
  for (const { value } of workload.values()) {
    const address = value.addresses.find(isInside);
    if (address !== undefined)
      throw invalid(flag, range, `holds ${address}, the address of workload "${value.name}"`);
  }
  for (const { value } of endpoints.values()) {
    const endpoint = value.endpoints.find(({ address }) => isInside(address));
    if (endpoint !== undefined)
      throw invalid(
        flag,
        range,
        `holds ${endpoint.address}, the address of an endpoint of service ${show(value.service)}`,
      );
  }
}

/** A VIP that was chosen by hand may be anywhere; one inside the range may have been given out. */
function checkVipsKept(
  field: string,
  before: string | undefined,
  after: string | undefined,
  { vip }: Facts,
): void {
  if (before === undefined || before === after) return;
  const [was, is] = [isIn(before), isIn(after)];
  const [first, ...more] = [...vip].filter(([address]) => was(address) && !is(address));
  if (first === undefined) return;
  const [address, { value: service }] = first;
  const others = more.length === 0 ? '' : ` (${more.length} more VIPs as well)`;
  throw new CausewayError(
    'conflict',
    `${field} ${show(after ?? 'none')} leaves out ${address}, the VIP of service ${show(service)}${others}: give that service another VIP first, or choose a range that holds it`,
    { field, value: after ?? 'none' },
  );
}

function checkNodePortsKept(before: Settings, after: Settings, { nodePort }: Facts): void {
  const { nodePortMin: min, nodePortMax: max } = after;
  if (min === before.nodePortMin && max === before.nodePortMax) return;
  for (const [id, { value: service }] of nodePort) {
    const port = Number(id.split('/')[1]);
    const isKept = port >= min && port <= max;
    const wasOutside = port < before.nodePortMin || port > before.nodePortMax;
    if (isKept || wasOutside) continue;
    const field = port < min ? 'nodePortMin' : 'nodePortMax';
    throw new CausewayError(
      'conflict',
      `${field} ${after[field]} leaves out ${id}, the NodePort of service ${show(service)}: give that port another one first`,
      { field, value: after[field] },
    );
  }
}

/** A NodePort that comes to be served at more addresses must be no container's there. */
function checkNotPublished(before: Settings, after: Settings, facts: Facts): void {
  for (const [id, { container, host }] of servedAnew(before, after, facts)) {
    const service = facts.nodePort.get(id)?.value;
    if (service === undefined) continue;
    const value = after.nodePortCidrs ?? [];
    throw new CausewayError(
      'conflict',
      `nodePortCidrs ${show(value)} would serve ${id}, the NodePort of service ${show(service)}, where container ${show(container)} publishes it on ${host}: remove one of them first`,
      { field: 'nodePortCidrs', value },
    );
  }
}

/** The published ports, as `tcp/8080`, that would be served as NodePorts where they are published, and were not before. */
export function servedAnew(
  before: Settings,
  after: Settings,
  { published, node }: Pick<Tables, 'published' | 'node'>,
): readonly (readonly [id: string, holder: PublishedHolder])[] {
  const placesOf = ({ nodePortCidrs = [] }: Settings): NodePortPlaces => ({
    nodePortCidrs: nodePortCidrs.flatMap((text) => parseBlock(text) ?? []),
    addressesOf: (host) => node.get(host)?.value.addresses ?? [],
  });
  const [was, is] = [placesOf(before), placesOf(after)];
  return [...published].flatMap(([id, { value }]) => {
    const port = Number(id.split('/')[1]);
    if (port < after.nodePortMin || port > after.nodePortMax) return [];
    const anew = value.holders.find((one) => meetsNodePorts(one, is) && !meetsNodePorts(one, was));
    return anew === undefined ? [] : [[id, anew] as const];
  });
}

function isIn(range: string | undefined): (address: string) => boolean {
  const block = parseBlock(range ?? '');
  return (address) => {
    const ip = parseIp(address);
    return ip !== undefined && block !== undefined && blockHasIp(block, ip);
  };
}
