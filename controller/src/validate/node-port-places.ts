import type { PublishedHolder } from '@causeway/shared/model/container';
import type { Protocol } from '@causeway/shared/model/service';
import { type Block, blockHasIp, parseIp } from '@causeway/shared/net/block';

/** Where NodePorts are served, and which addresses hosts have. */
export interface NodePortPlaces {
  /** Empty: at all addresses of hosts. */
  readonly nodePortCidrs: readonly Block[];
  addressesOf(host: string): readonly string[];
}

/** Whether NodePorts are served at an address of a host at which a port is published. */
export function meetsNodePorts(
  { host, address }: Pick<PublishedHolder, 'host' | 'address'>,
  { nodePortCidrs, addressesOf }: NodePortPlaces,
): boolean {
  if (nodePortCidrs.length === 0) return true;
  const addresses = address === undefined ? addressesOf(host) : [address];
  return addresses.some((text) => {
    const ip = parseIp(text);
    return ip !== undefined && nodePortCidrs.some((block) => blockHasIp(block, ip));
  });
}

/** @returns a container that publishes a port where it would be served as a NodePort: every host serves those */
export function publisherOf(
  facts: NodePortPlaces & { publishers(protocol: Protocol, port: number): readonly PublishedHolder[] },
  protocol: Protocol,
  port: number,
): PublishedHolder | undefined {
  return facts.publishers(protocol, port).find((holder) => meetsNodePorts(holder, facts));
}
