import { invalid } from '@causeway/shared/errors';
import type { BackendInput } from '@causeway/shared/model/backend.schema';
import type { NetworkConfig, Tunnel } from '@causeway/shared/model/network';
import {
  completeNetworkConfig,
  type FamilyNetworkInput,
  type NetworkField,
  type NetworkInput,
} from '@causeway/shared/model/network.schema';
import { canonicalBlock } from '@causeway/shared/net/block';
import { type ByFamily, byFamily, FAMILY_NAMES, type Family } from '@causeway/shared/net/family';

/** What somebody wants of the network; what is left out stays as it is. */
export interface NetworkPatch {
  /** `none`: the network has no IPv4. */
  readonly network?: string | undefined;
  readonly subnetLen?: number | undefined;
  readonly subnetMin?: string | undefined;
  readonly subnetMax?: string | undefined;
  readonly networkIpv6?: string | undefined;
  readonly subnetLenIpv6?: number | undefined;
  readonly subnetMinIpv6?: string | undefined;
  readonly subnetMaxIpv6?: string | undefined;
  readonly backend?: string | undefined;
  readonly directRouting?: boolean | undefined;
  /** `none`: peers on other links cannot be reached. */
  readonly fallback?: string | undefined;
  readonly vni?: number | undefined;
  readonly port?: number | undefined;
  /** 0: what the hosts' link has. */
  readonly mtu?: number | undefined;
  readonly masquerade?: boolean | undefined;
  readonly nonMasqueradeCidrs?: readonly string[] | undefined;
}

const NONE = 'none';

type PatchField = keyof NetworkPatch;
/** What a refusal calls a field. */
export type PatchNames = (field: PatchField) => string;

/**
 * Puts a patch over a configuration. A family whose network becomes another starts anew with the usual subnets.
 *
 * @param base absent: there is none yet
 * @param nameOf default: as the patch does
 * @throws CausewayError `invalid`, naming the field and the value
 */
export function configOf(
  base: NetworkConfig | undefined,
  patch: NetworkPatch,
  nameOf: PatchNames = (field) => field,
): NetworkConfig {
  return completeNetworkConfig(patched(base, patch, nameOf), (field) => nameOf(patchField(field)));
}

/** `backend.type` → `backend`, `backend.vni` → `vni`: a patch has no levels. */
function patchField(field: NetworkField): PatchField {
  return field === 'backend.type' ? 'backend' : (field.replace('backend.', '') as PatchField);
}

function patched(base: NetworkConfig | undefined, patch: NetworkPatch, nameOf: PatchNames): NetworkInput {
  const families: ByFamily<FamilyNetworkInput> = byFamily((family) =>
    familyInput(family, base, patch, nameOf),
  );
  const { masquerade = base?.masquerade, nonMasqueradeCidrs = base?.nonMasqueradeCidrs } = patch;
  return {
    ...families,
    backend: backendInput(base, patch, nameOf),
    ...(masquerade === undefined ? {} : { masquerade }),
    ...(nonMasqueradeCidrs === undefined ? {} : { nonMasqueradeCidrs }),
  };
}

function familyInput(
  family: Family,
  base: NetworkConfig | undefined,
  patch: NetworkPatch,
  nameOf: PatchNames,
): FamilyNetworkInput | undefined {
  const asked = partOf(family, patch);
  const old = base?.[family];
  const network = asked.network ?? old?.network;
  if (network === undefined || network === NONE) {
    const idle = (['subnetLen', 'subnetMin', 'subnetMax'] as const).find((part) => asked[part] !== undefined);
    if (idle === undefined) return undefined;
    throw invalid(
      nameOf(family === 'ipv4' ? idle : `${idle}Ipv6`),
      asked[idle],
      `means nothing: the network would have no ${FAMILY_NAMES[family]}`,
    );
  }
  const isSame = old !== undefined && canonicalBlock(network) === old.network;
  const subnetLen = asked.subnetLen ?? (isSame ? old.subnetLen : undefined);
  const keepsBounds = isSame && subnetLen === old.subnetLen;
  const subnetMin = asked.subnetMin ?? (keepsBounds ? old.subnetMin : undefined);
  const subnetMax = asked.subnetMax ?? (keepsBounds ? old.subnetMax : undefined);
  return {
    network,
    ...(subnetLen === undefined ? {} : { subnetLen }),
    ...(subnetMin === undefined ? {} : { subnetMin }),
    ...(subnetMax === undefined ? {} : { subnetMax }),
  };
}

function partOf(family: Family, patch: NetworkPatch) {
  if (family === 'ipv4') return patch;
  const { networkIpv6: network, subnetLenIpv6: subnetLen } = patch;
  return { network, subnetLen, subnetMin: patch.subnetMinIpv6, subnetMax: patch.subnetMaxIpv6 };
}

function backendInput(
  base: NetworkConfig | undefined,
  patch: NetworkPatch,
  nameOf: PatchNames,
): BackendInput {
  const old = base?.backend;
  const type = (patch.backend ?? old?.type ?? 'host-gw').toLowerCase();
  const isSame = type === old?.type;
  const kept = type === 'host-gw' && isSame && old.tunnel !== undefined ? 'vxlan' : undefined;
  const fallback = patch.fallback === NONE ? undefined : (patch.fallback ?? kept);
  const directRouting = patch.directRouting ?? (type === 'vxlan' && isSame && old.direct);
  if (directRouting && type === 'host-gw')
    throw invalid(
      nameOf('directRouting'),
      true,
      'is for the backend "vxlan": with "host-gw" every route is direct',
    );
  const tunnel: Partial<Tunnel> = old?.tunnel ?? {};
  const { learning, gbp } = tunnel;
  const hasTunnel = type !== 'host-gw' || fallback !== undefined;
  const idle = (['vni', 'port', 'mtu'] as const).find((field) => patch[field] !== undefined);
  if (idle !== undefined && !hasTunnel)
    throw invalid(
      nameOf(idle),
      patch[idle],
      'is of a tunnel, and there is none: it takes backend "vxlan" or fallback "vxlan"',
    );
  const { vni = tunnel.vni, port = tunnel.port, mtu = tunnel.mtu } = patch;
  return {
    type,
    directRouting,
    ...(fallback === undefined ? {} : { fallback }),
    ...(vni === undefined ? {} : { vni }),
    ...(port === undefined ? {} : { port }),
    ...(mtu === undefined ? {} : { mtu }),
    ...(learning === undefined ? {} : { learning }),
    ...(gbp === undefined ? {} : { gbp }),
  };
}
