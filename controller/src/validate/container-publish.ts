import { publishText } from '@causeway/shared/container-text';
import { invalid, show } from '@causeway/shared/errors';
import type { PublishedPort } from '@causeway/shared/model/container';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import type { NetworkMode } from '@causeway/shared/model/container-network';
import { formatIp } from '@causeway/shared/net/block';
import { unicastAddress } from './address.ts';

/**
 * The ports that a definition publishes, with addresses in their canonical form.
 *
 * @throws CausewayError `invalid`
 */
export function checkPublish(
  publish: ParsedContainerInput['publish'],
  network: NetworkMode | undefined,
): readonly PublishedPort[] {
  const [first] = publish;
  if (first !== undefined && network !== undefined && network.kind !== 'bridge')
    throw invalid(
      'publish[0]',
      textOf(first),
      `is not possible with the network mode ${network.kind}: only a container on the bridge publishes ports`,
    );
  const ports = publish.map(canonical);
  ports.forEach((port, index) => {
    const same = ports.slice(0, index).find((other) => meet(other, port));
    if (same === undefined) return;
    const reason = `publishes what ${show(publishText(same))} publishes already`;
    throw invalid(`publish[${index}]`, publishText(port), reason);
  });
  return ports;
}

function canonical(port: ParsedContainerInput['publish'][number], index: number): PublishedPort {
  const { address, ...of } = port;
  if (address === undefined) return of;
  const reason = 'has an address that is none of a host: leave it out to publish at all of them';
  const [field, text] = [`publish[${index}]`, textOf(port)];
  // Elsewhere these mean all addresses.
  if (/^[0:.]+$/.test(address)) throw invalid(field, text, reason);
  return { address: formatIp(unicastAddress(field, address, text, reason)), ...of };
}

function meet(a: PublishedPort, b: PublishedPort): boolean {
  if (a.protocol !== b.protocol || a.hostPort !== b.hostPort) return false;
  return a.address === undefined || b.address === undefined || a.address === b.address;
}

function textOf({ address, ...of }: ParsedContainerInput['publish'][number]): string {
  return publishText(address === undefined ? of : { address, ...of });
}
