import { invalid } from '../errors.ts';
import type { Family } from '../net/family.ts';
import type { Backend, Tunnel } from './network.ts';

/** A backend as the operator states it; flannel's names and defaults, and `fallback`, which is ours. */
export interface BackendInput {
  /** `host-gw` (default) or `vxlan`, in any case. */
  readonly type?: string;
  /** For vxlan: peers on the same link get a plain route. */
  readonly directRouting?: boolean;
  /** For host-gw: `vxlan` leads to the peers on another link through a tunnel. */
  readonly fallback?: string;
  /** Of vxlan and of the fallback; with plain host-gw all that follows means nothing, as in flannel. */
  readonly vni?: number;
  readonly port?: number;
  readonly mtu?: number;
  readonly learning?: boolean;
  readonly gbp?: boolean;
}

export type BackendField = `backend.${'type' | 'fallback' | 'vni' | 'port' | 'mtu'}`;
type FieldNames = (field: BackendField) => string;

const DEFAULT_VNI = 1;
const MAX_VNI = 0xff_ffff;
/** The Linux kernel's own, which flannel's 0 stands for (drivers/net/vxlan). */
const DEFAULT_PORT = 8472;
/** What a family's packets need on every link (RFC 791, RFC 8200), and the tunnel's headers around them. */
const MIN_MTU: Readonly<Record<Family, number>> = { ipv4: 68 + 50, ipv6: 1_280 + 70 };
const MAX_MTU = 65_535;

/**
 * @param families those of the network
 * @param nameOf what a refusal calls a field
 * @throws CausewayError `invalid`, naming the field and the value
 */
export function completeBackend(
  input: BackendInput,
  families: readonly Family[],
  nameOf: FieldNames,
): Backend {
  const type = (input.type ?? 'host-gw').toLowerCase();
  const fallback = input.fallback?.toLowerCase() || undefined;
  if (type === 'vxlan') {
    if (fallback !== undefined)
      throw invalid(nameOf('backend.fallback'), input.fallback, 'is for the backend "host-gw" only');
    return { type, direct: input.directRouting ?? false, tunnel: completeTunnel(input, families, nameOf) };
  }
  if (type !== 'host-gw')
    throw invalid(nameOf('backend.type'), input.type, 'is not supported: only "host-gw" and "vxlan" are');
  if (fallback !== undefined && fallback !== 'vxlan')
    throw invalid(nameOf('backend.fallback'), input.fallback, 'is not supported: only "vxlan" is');
  return {
    type,
    direct: true,
    ...(fallback === undefined ? {} : { tunnel: completeTunnel(input, families, nameOf) }),
  };
}

function completeTunnel(input: BackendInput, families: readonly Family[], nameOf: FieldNames): Tunnel {
  const { vni = DEFAULT_VNI, port, mtu, learning = false, gbp = false } = input;
  const minMtu = Math.max(...families.map((family) => MIN_MTU[family]));
  return {
    vni: whole(nameOf('backend.vni'), vni, 0, MAX_VNI),
    port: whole(nameOf('backend.port'), port || DEFAULT_PORT, 1, 65_535),
    ...(mtu === undefined || mtu === 0 ? {} : { mtu: whole(nameOf('backend.mtu'), mtu, minMtu, MAX_MTU) }),
    learning,
    gbp,
  };
}

function whole(field: string, value: number, min: number, max: number): number {
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw invalid(field, value, `is not a whole number from ${min} to ${max}`);
}
