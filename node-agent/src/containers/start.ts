import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ByFamily } from '@causeway/shared/net/family';
import type { HostAbilities } from './host.ts';
import type { Image } from './image.ts';
import { type ContainerNetwork, connect } from './network.ts';
import { ociConfig } from './oci.ts';
import { type Layout, placeOf } from './places.ts';
import { identify, type ProcessId } from './processes.ts';
import { addressFields, writeRecord } from './records.ts';
import { makeRootfs } from './rootfs.ts';
import { runcStart } from './runc.ts';

export interface StartRequest {
  readonly spec: ContainerSpec;
  readonly specHash: string;
  readonly addresses: ByFamily<string>;
  readonly network: ContainerNetwork;
  readonly image: Image;
  readonly abilities: HostAbilities;
}

/**
 * Starts a container of which nothing is left (`erase` first). The addresses are on disk before anything has them; a
 * crash anywhere leaves what the next look finds and clears.
 */
export async function startContainer(layout: Layout, request: StartRequest): Promise<ProcessId> {
  const { spec, specHash, addresses, network } = request;
  const place = placeOf(layout, spec.name);
  const record = { name: spec.name, ...addressFields(addresses), specHash };
  await writeRecord(place.record, record);
  const made = await Promise.allSettled([
    makeRootfs(place.rootfs, request.image, spec, addresses),
    connect(place, addresses, network, { netns: false, link: false }),
  ]);
  for (const one of made) if (one.status === 'rejected') throw one.reason;
  const { rootfs, netnsPath } = place;
  const pid = await runcStart(
    layout.runcRoot,
    place,
    ociConfig(spec, { ...request.abilities, rootfs, netnsPath }),
  );
  const process = identify(pid);
  if (process === undefined)
    throw new CausewayError('command-failed', `starting container ${spec.name}: it ended at once`);
  await writeRecord(place.record, { ...record, process });
  return process;
}
