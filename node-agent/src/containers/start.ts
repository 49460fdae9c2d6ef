import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { HostAbilities } from './host.ts';
import type { Image } from './image.ts';
import { type ContainerNetwork, connect } from './network.ts';
import { ociConfig } from './oci.ts';
import { type Layout, placeOf } from './places.ts';
import { identify, type ProcessId } from './processes.ts';
import { writeRecord } from './records.ts';
import { makeRootfs } from './rootfs.ts';
import { runcStart } from './runc.ts';

export interface StartRequest {
  readonly spec: ContainerSpec;
  readonly specHash: string;
  readonly address: string;
  readonly network: ContainerNetwork;
  readonly image: Image;
  readonly abilities: HostAbilities;
}

/**
 * Starts a container of which nothing is left (`erase` first). The address is on disk before anything has it; a
 * crash anywhere leaves what the next look finds and clears.
 */
export async function startContainer(layout: Layout, request: StartRequest): Promise<ProcessId> {
  const { spec, specHash, address, network } = request;
  const place = placeOf(layout, spec.name);
  const record = { name: spec.name, address, specHash };
  await writeRecord(place.record, record);
  const made = await Promise.allSettled([
    makeRootfs(place.rootfs, request.image, spec, address),
    connect(place, address, network, { netns: false, link: false }),
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
