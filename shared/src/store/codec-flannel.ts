import { z } from 'zod';
import { CausewayError } from '../errors.ts';
import { nameSchema } from '../model/input.ts';
import type { FamilyLease, SubnetLease, Vtep } from '../model/lease.ts';
import { canonicalBlock, canonicalIp, familyOf } from '../net/block.ts';
import { type ByFamily, byFamily, FAMILY_NAMES, type Family } from '../net/family.ts';
import { check, type Decoded, nodeId, unreadable } from './codec-base.ts';
import { parseFolded } from './folded.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

export { decodeNetworkConfig, encodeNetworkConfig } from './codec-network.ts';

/** flannel's leases, their keys and values (github.com/flannel-io/flannel, pkg/lease and pkg/backend/vxlan). */
const publicIp = (family: Family) =>
  z.string({ error: 'is not text' }).transform((text, context) => {
    const address = canonicalIp(text);
    if (address !== undefined && address.includes(':') === (family === 'ipv6')) return address;
    context.addIssue({ code: 'custom', message: `is not an ${FAMILY_NAMES[family]} address`, input: text });
    return z.NEVER;
  });

/** What flannel writes for an address that it does not have. */
const NO_ADDRESS: Readonly<Record<Family, string>> = { ipv4: '0.0.0.0', ipv6: '::' };
/** What flannel writes into a key for the subnet that an IPv6 node does not have. */
const NO_SUBNET = '0.0.0.0/0';

const MAC_ERROR = 'is not the link-layer address of one host';
const vtep = z.object({
  vni: z.number().int().min(0).max(0xff_ffff),
  /** Frames to a group, or to nobody, would go to every host. */
  vtepmac: z
    .string({ error: MAC_ERROR })
    .toLowerCase()
    .regex(/^[0-9a-f][02468ace](:[0-9a-f]{2}){5}$/, { error: MAC_ERROR })
    .refine((mac) => mac !== '00:00:00:00:00:00', { error: MAC_ERROR }),
});

const flannelLease = z.object({
  publicip: publicIp('ipv4').optional(),
  publicipv6: publicIp('ipv6').optional(),
  backendtype: z.string({ error: 'is missing: BackendType is needed' }).toLowerCase(),
  causewaynode: z.object({ id: nodeId, name: nameSchema }).exactOptional(),
});
/** With these two, BackendData is a tunnel's end or absent; with any other it is that one's business. */
const tunnelEnds = z.object({ backenddata: vtep.optional(), backendv6data: vtep.optional() });
const TUNNELLED = ['host-gw', 'vxlan'];

/** One host's lease, ours or a flannel daemon's. */
export function decodeLease(kv: KeyValue): Decoded<SubnetLease> {
  const subnets = subnetsOfKey(kv.key);
  if (subnets === undefined || keys.subnet(subnets) !== kv.key)
    return unreadable(kv, 'the key names no subnet');
  const folded = parseFolded(kv);
  if (folded instanceof CausewayError) return folded;
  const value = check(kv, folded.json, flannelLease);
  if (value instanceof CausewayError) return value;
  const ends = TUNNELLED.includes(value.backendtype) ? check(kv, folded.json, tunnelEnds) : {};
  if (ends instanceof CausewayError) return ends;
  const ipv4 = familyLease('ipv4', subnets.ipv4, value.publicip, ends.backenddata);
  const ipv6 = familyLease('ipv6', subnets.ipv6, value.publicipv6, ends.backendv6data);
  return {
    ...(ipv4 === undefined ? {} : { ipv4 }),
    ...(ipv6 === undefined ? {} : { ipv6 }),
    backendType: value.backendtype,
    ...(value.causewaynode === undefined ? {} : { node: value.causewaynode }),
  };
}

function familyLease(
  family: Family,
  subnet: string | undefined,
  address: string | undefined,
  end: z.output<typeof vtep> | undefined,
): FamilyLease | undefined {
  if (subnet === undefined) return undefined;
  return {
    subnet,
    ...(address === undefined || address === NO_ADDRESS[family] ? {} : { publicIp: address }),
    ...(end === undefined ? {} : { vtep: { vni: end.vni, mac: end.vtepmac } }),
  };
}

/** Exactly flannel's JSON with one more field, which flannel ignores. */
export function encodeLease({ ipv4, ipv6, backendType, node }: SubnetLease): string {
  return JSON.stringify({
    PublicIP: ipv4?.publicIp ?? NO_ADDRESS.ipv4,
    PublicIPv6: ipv6?.publicIp ?? null,
    BackendType: backendType,
    ...(ipv4?.vtep === undefined ? {} : { BackendData: backendData(ipv4.vtep) }),
    ...(ipv6?.vtep === undefined ? {} : { BackendV6Data: backendData(ipv6.vtep) }),
    ...(node === undefined ? {} : { CausewayNode: { id: node.id, name: node.name } }),
  });
}

function backendData({ vni, mac }: Vtep): unknown {
  return { VNI: vni, VtepMAC: mac };
}

/**
 * @param key a lease's: `…/subnets/10.10.1.0-24`, `…/subnets/10.10.1.0-24&fd00:10:0:1::-64`,
 *   `…/subnets/0.0.0.0-0&fd00:10:0:1::-64`
 * @returns the subnets, CIDRs; undefined when the key does not name one or two in their canonical form, IPv4 first
 */
export function subnetsOfKey(key: string): ByFamily<string> | undefined {
  const [first, second, ...rest] = partsOf(key);
  if (first === undefined || rest.length > 0) return undefined;
  const [one, other] = [blockOf(first), second === undefined ? undefined : blockOf(second)];
  if (one === undefined || familyOf(one) !== 'ipv4') return undefined;
  if (second !== undefined && (other === undefined || familyOf(other) !== 'ipv6')) return undefined;
  const ipv4 = one === NO_SUBNET ? undefined : one;
  if (ipv4 === undefined && other === undefined) return undefined;
  return byFamily((family) => (family === 'ipv4' ? ipv4 : other));
}

/**
 * @param key a claim's or a reservation's, of either family: `…/claims/10.10.1.0-24`, `…/claims/fd00:10:0:1::-64`
 * @returns the subnet, CIDR; undefined when the key does not name one in its canonical form
 */
export function subnetOfKey(key: string): string | undefined {
  const [only, ...rest] = partsOf(key);
  return only === undefined || rest.length > 0 ? undefined : blockOf(only);
}

export function isLeaseKey(key: string): boolean {
  return key.startsWith(keys.subnetPrefix);
}

function partsOf(key: string): readonly string[] {
  return key.slice(key.lastIndexOf('/') + 1).split('&');
}

/** @returns `10.10.1.0/24` of `10.10.1.0-24`, or undefined unless it is canonical */
function blockOf(dashed: string): string | undefined {
  const text = dashed.replace('-', '/');
  return canonicalBlock(text) === text ? text : undefined;
}
