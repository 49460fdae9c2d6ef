/** Fields of flannel's configuration that mean nothing to us are other programs': they stay. */

/**
 * @param before the JSON that is in etcd
 * @param after the JSON that we write, complete: a field of ours that is not in it is meant to go
 * @returns `after` with the fields of `before` that we do not know
 */
export function withForeignFields(before: string, after: string): string {
  const [old, ours] = [objectIn(before), objectIn(after)];
  const backend = { ...unknownOf(objectOf(old, 'backend'), OUR_BACKEND), ...objectOf(ours, 'backend') };
  const merged: Record<string, unknown> = { ...ours, ...unknownOf(old, OURS) };
  if ('Backend' in ours) merged.Backend = backend;
  return JSON.stringify(merged);
}

const OURS = [
  ...['enableipv4', 'enableipv6', 'network', 'subnetlen', 'subnetmin', 'subnetmax'],
  ...['ipv6network', 'ipv6subnetlen', 'ipv6subnetmin', 'ipv6subnetmax', 'backend'],
  ...['masquerade', 'nonmasqueradecidrs', 'causewayrenumber'],
];
const OUR_BACKEND = ['type', 'vni', 'port', 'mtu', 'learning', 'gbp', 'directrouting', 'fallback'];

function unknownOf(object: Record<string, unknown>, known: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !known.includes(key.toLowerCase())));
}

/** Of what is no JSON object there is nothing to keep. */
function objectIn(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function objectOf(parent: Record<string, unknown>, name: string): Record<string, unknown> {
  const found = Object.entries(parent).find(([key]) => key.toLowerCase() === name)?.[1];
  return isObject(found) ? found : {};
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
