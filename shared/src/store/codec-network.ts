import { z } from 'zod';
import { CausewayError, messageOf } from '../errors.ts';
import type { BackendInput } from '../model/backend.schema.ts';
import {
  completeNetworkConfig,
  type FamilyNetworkInput,
  type NetworkField,
  type NetworkInput,
} from '../model/network.schema.ts';
import type { Backend, FamilyNetwork, NetworkConfig } from '../model/network.ts';
import { type Decoded, unreadable } from './codec-base.ts';
import { decodeFolded } from './folded.ts';
import type { KeyValue } from './store.ts';

/**
 * flannel's network configuration (github.com/flannel-io/flannel, pkg/subnet/config.go and pkg/backend/vxlan), and our
 * fields in it.
 */
const NAMES: Readonly<Record<NetworkField, string>> = {
  network: 'Network',
  subnetLen: 'SubnetLen',
  subnetMin: 'SubnetMin',
  subnetMax: 'SubnetMax',
  networkIpv6: 'IPv6Network',
  subnetLenIpv6: 'IPv6SubnetLen',
  subnetMinIpv6: 'IPv6SubnetMin',
  subnetMaxIpv6: 'IPv6SubnetMax',
  'backend.type': 'Backend.Type',
  'backend.vni': 'Backend.VNI',
  'backend.port': 'Backend.Port',
  'backend.mtu': 'Backend.MTU',
  'backend.fallback': 'Backend.Fallback',
  nonMasqueradeCidrs: 'NonMasqueradeCIDRs',
};

const text = z.string({ error: 'is not text' });
const number = z.number({ error: 'is not a number' });
const flag = z.boolean({ error: 'is not true or false' });

const flannelConfig = z.object({
  enableipv4: flag.default(true),
  enableipv6: flag.default(false),
  network: text.exactOptional(),
  subnetlen: number.exactOptional(),
  subnetmin: text.exactOptional(),
  subnetmax: text.exactOptional(),
  ipv6network: text.exactOptional(),
  ipv6subnetlen: number.exactOptional(),
  ipv6subnetmin: text.exactOptional(),
  ipv6subnetmax: text.exactOptional(),
  backend: z
    .object({
      type: text.exactOptional(),
      vni: number.exactOptional(),
      port: number.exactOptional(),
      mtu: number.exactOptional(),
      learning: flag.exactOptional(),
      gbp: flag.exactOptional(),
      directrouting: flag.exactOptional(),
      fallback: text.exactOptional(),
    })
    .default({}),
  masquerade: flag.exactOptional(),
  nonmasqueradecidrs: z.array(text, { error: 'is not a list of networks' }).exactOptional(),
  causewayrenumber: text.exactOptional(),
});
type Folded = z.output<typeof flannelConfig>;

/**
 * flannel's network configuration: keys in any case, unknown ones ignored, defaults as in flannel, but host-gw where
 * no backend is named. A backend that we do not have is an error, since packets would be sent in a form that its hosts
 * do not expect.
 */
export function decodeNetworkConfig(kv: KeyValue): Decoded<NetworkConfig> {
  const value = decodeFolded(kv, flannelConfig);
  if (value instanceof CausewayError) return value;
  if (!value.enableipv4 && !value.enableipv6)
    return unreadable(kv, 'EnableIPv4 is false and EnableIPv6 is not true: one of them is needed');
  try {
    return completeNetworkConfig(inputOf(value), (field) => NAMES[field]);
  } catch (error) {
    return unreadable(kv, messageOf(error), error);
  }
}

type Fields = Readonly<Record<string, unknown>>;

/** What flannel reads, with our fields where they say more than flannel's defaults. */
export function encodeNetworkConfig(config: NetworkConfig): string {
  const { ipv4, ipv6, backend, masquerade, nonMasqueradeCidrs, renumber } = config;
  return JSON.stringify({
    ...(ipv4 === undefined ? { EnableIPv4: false } : {}),
    ...(ipv6 === undefined ? {} : { EnableIPv6: true }),
    ...(ipv4 === undefined ? {} : familyFields('', ipv4)),
    ...(ipv6 === undefined ? {} : familyFields('IPv6', ipv6)),
    Backend: backendFields(backend),
    ...(masquerade ? {} : { Masquerade: false }),
    ...(nonMasqueradeCidrs.length === 0 ? {} : { NonMasqueradeCIDRs: nonMasqueradeCidrs }),
    ...(renumber === undefined ? {} : { CausewayRenumber: renumber }),
  });
}

function inputOf(value: Folded): NetworkInput {
  const { masquerade, nonmasqueradecidrs: cidrs, causewayrenumber: renumber } = value;
  return {
    ...(value.enableipv4
      ? { ipv4: familyInput(value.network, value.subnetlen, value.subnetmin, value.subnetmax) }
      : {}),
    ...(value.enableipv6
      ? {
          ipv6: familyInput(value.ipv6network, value.ipv6subnetlen, value.ipv6subnetmin, value.ipv6subnetmax),
        }
      : {}),
    backend: backendInput(value.backend),
    ...(masquerade === undefined ? {} : { masquerade }),
    ...(cidrs === undefined ? {} : { nonMasqueradeCidrs: cidrs }),
    ...(renumber === undefined ? {} : { renumber }),
  };
}

function familyInput(
  network: string | undefined,
  subnetLen: number | undefined,
  subnetMin: string | undefined,
  subnetMax: string | undefined,
): FamilyNetworkInput {
  return {
    network: network ?? '',
    ...(subnetLen === undefined ? {} : { subnetLen }),
    ...(subnetMin === undefined ? {} : { subnetMin }),
    ...(subnetMax === undefined ? {} : { subnetMax }),
  };
}

function backendInput({ directrouting: directRouting, ...same }: Folded['backend']): BackendInput {
  return { ...same, ...(directRouting === undefined ? {} : { directRouting }) };
}

function familyFields(prefix: '' | 'IPv6', network: FamilyNetwork): Fields {
  return {
    [`${prefix}Network`]: network.network,
    [`${prefix}SubnetLen`]: network.subnetLen,
    [`${prefix}SubnetMin`]: network.subnetMin,
    [`${prefix}SubnetMax`]: network.subnetMax,
  };
}

function backendFields({ type, direct, tunnel }: Backend): Fields {
  if (tunnel === undefined) return { Type: type };
  return {
    Type: type,
    ...(type === 'host-gw' ? { Fallback: 'vxlan' } : {}),
    VNI: tunnel.vni,
    Port: tunnel.port,
    ...(tunnel.mtu === undefined ? {} : { MTU: tunnel.mtu }),
    ...(tunnel.learning ? { Learning: true } : {}),
    ...(tunnel.gbp ? { GBP: true } : {}),
    ...(type === 'vxlan' && direct ? { DirectRouting: true } : {}),
  };
}
