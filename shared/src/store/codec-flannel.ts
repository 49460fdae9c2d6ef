import { z } from 'zod';
import { CausewayError, messageOf, show } from '../errors.ts';
import { nameSchema } from '../model/input.ts';
import type { SubnetLease } from '../model/lease.ts';
import { completeNetworkConfig } from '../model/network.schema.ts';
import type { NetworkConfig } from '../model/network.ts';
import { formatCidr, parseAddress, parseCidr } from '../net/cidr.ts';
import { check, type Decoded, nodeId, parseJson, unreadable } from './codec.ts';
import { keys } from './keys.ts';
import type { KeyValue } from './store.ts';

/** Values of flannel's keys, read as flannel reads them (github.com/flannel-io/flannel, pkg/subnet). */
const flannelConfig = z.object({
  enableipv4: z.boolean().default(true),
  network: z.string({ error: 'is missing: Network is needed' }),
  subnetlen: z.number().optional(),
  subnetmin: z.string().optional(),
  subnetmax: z.string().optional(),
  /** flannel's own default when the field is absent. */
  backend: z.object({ type: z.string().toLowerCase() }).default({ type: 'udp' }),
});

const flannelLease = z.object({
  publicip: z.string().refine((text) => (parseAddress(text) ?? 0) !== 0, 'is not an IPv4 address'),
  backendtype: z.string(),
  causewaynode: z.object({ id: nodeId, name: nameSchema }).exactOptional(),
});

/**
 * flannel's network configuration: keys in any case, unknown ones ignored, defaults as in flannel.
 * A backend other than host-gw is an error, since packets would be sent in a form that its hosts do not expect.
 */
export function decodeNetworkConfig(kv: KeyValue): Decoded<NetworkConfig> {
  const value = decodeFolded(kv, flannelConfig);
  if (value instanceof CausewayError) return value;
  if (!value.enableipv4) return unreadable(kv, 'EnableIPv4 is false, and only IPv4 networks are supported');
  if (value.backend.type !== 'host-gw')
    return unreadable(kv, `Backend.Type ${show(value.backend.type)} is not supported, only "host-gw" is`);
  try {
    return completeNetworkConfig({
      network: value.network,
      ...(value.subnetlen === undefined ? {} : { subnetLen: value.subnetlen }),
      ...(value.subnetmin === undefined ? {} : { subnetMin: value.subnetmin }),
      ...(value.subnetmax === undefined ? {} : { subnetMax: value.subnetmax }),
    });
  } catch (error) {
    return unreadable(kv, messageOf(error), error);
  }
}

export function encodeNetworkConfig(config: NetworkConfig): string {
  return JSON.stringify({
    Network: config.network,
    SubnetLen: config.subnetLen,
    SubnetMin: config.subnetMin,
    SubnetMax: config.subnetMax,
    Backend: { Type: config.backend },
  });
}

/** One host's lease, ours or a flannel daemon's. */
export function decodeLease(kv: KeyValue): Decoded<SubnetLease> {
  const subnet = subnetOfKey(kv.key);
  if (subnet === undefined) return unreadable(kv, 'the key names no IPv4 subnet');
  const value = decodeFolded(kv, flannelLease);
  if (value instanceof CausewayError) return value;
  return {
    subnet,
    publicIp: value.publicip,
    backendType: value.backendtype.toLowerCase(),
    ...(value.causewaynode === undefined ? {} : { node: value.causewaynode }),
  };
}

/** Exactly flannel's JSON with one more field, which flannel ignores. */
export function encodeLease(lease: SubnetLease): string {
  return JSON.stringify({
    PublicIP: lease.publicIp,
    PublicIPv6: null,
    BackendType: lease.backendType,
    ...(lease.node === undefined ? {} : { CausewayNode: { id: lease.node.id, name: lease.node.name } }),
  });
}

/**
 * @param key `…/subnets/10.10.1.0-24`, or with an IPv6 part after `&` that is left out here; claims look the same
 * @returns `10.10.1.0/24`, or undefined when the key names no subnet whose host bits are zero
 */
export function subnetOfKey(key: string): string | undefined {
  const name = key.slice(key.lastIndexOf('/') + 1);
  const text = name.split('&')[0]?.replace('-', '/') ?? '';
  const parsed = parseCidr(text);
  return parsed !== undefined && formatCidr(parsed) === text ? text : undefined;
}

export function isLeaseKey(key: string): boolean {
  return key.startsWith(keys.subnetPrefix);
}

function decodeFolded<T>(kv: KeyValue, schema: z.ZodType<T>): Decoded<T> {
  const parsed = parseJson(kv);
  return parsed instanceof CausewayError ? parsed : check(kv, fold(parsed.json), schema);
}

/** Lower-cases the keys of objects and drops nulls, as Go's JSON decoder behaves: of equal keys, the last counts. */
function fold(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).filter(([, part]) => part !== null);
  return Object.fromEntries(entries.map(([key, part]) => [key.toLowerCase(), fold(part)]));
}
