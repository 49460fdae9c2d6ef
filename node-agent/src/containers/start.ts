import { rm, stat } from 'node:fs/promises';
import { arch } from 'node:process';
import { CausewayError, invalid, messageOf } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ReadyImage } from '../images/image.ts';
import { cgroupFor, cgroupParent } from './cgroups.ts';
import { createContainer } from './conmon.ts';
import type { World } from './connection.ts';
import type { Start } from './decision.ts';
import { madeFile, madeFiles, writeMadeFiles } from './etc.ts';
import type { HostAbilities } from './host.ts';
import { checkPassable, idMapFor, type MadeNamespaces, makeMappedNetns, mappedLayers } from './id-map.ts';
import { type UserIds, userIn } from './image-user.ts';
import { connectionOf, modeOf } from './modes/index.ts';
import { argsOf, type IdMap, type OwnUsers, ociConfig, workdirOf } from './oci.ts';
import { type Place, placeOf } from './places.ts';
import { identify } from './processes.ts';
import { addressFields, type ContainerRecord, writeRecord } from './records.ts';
import { makeRoot } from './rootfs.ts';
import { runcStart } from './runc.ts';
import { seccompProfile } from './seccomp.ts';

export interface StartRequest {
  readonly decision: Start;
  readonly world: World;
  readonly image: ReadyImage;
  readonly abilities: HostAbilities;
}

/**
 * Starts a container of which nothing is left but its root (`erase` first). The addresses are on disk before anything has
 * them; a crash anywhere leaves what the next look finds and clears.
 *
 * @returns what is remembered of it
 */
export async function startContainer(request: StartRequest): Promise<ContainerRecord> {
  const { decision, world, image, abilities } = request;
  const { spec, addresses } = decision;
  const { layout } = world;
  const place = placeOf(layout, spec.name);
  const connection = connectionOf(spec);
  await checkStart(spec, image);
  const cgroup = await cgroupFor(
    spec,
    cgroupParent(layout.records, abilities.inUserNamespace),
    abilities.inUserNamespace,
  );
  const idMap = idMapFor(spec, abilities);
  const record = recordOf(request);
  await writeRecord(place.record, record);
  await rm(place.exit, { force: true });
  const namespaces =
    idMap !== undefined && connection.ownNetns ? await makeMappedNetns(place, idMap) : undefined;
  let pid: number;
  try {
    const [user] = await allOf([
      prepareRoot(place, request, idMap),
      connection.make({ place, addresses, world, fresh: true, hasNetns: namespaces !== undefined }),
    ]);
    const netnsPath = connection.netnsPath(world);
    const made = Object.fromEntries(madeFiles(spec).map((path) => [path, madeFile(place, path)]));
    const config = ociConfig(spec, {
      ...abilities,
      ...{ rootfs: place.merged, image: image.config, user, made, seccomp: seccompProfile(arch) },
      ...{ bringsLink: connection.bringsLink, sharesNetns: !connection.ownNetns },
      withoutIpv6: addresses.ipv6 === undefined && modeOf(spec).kind === 'bridge',
      ...(netnsPath === undefined ? {} : { netnsPath }),
      ...(cgroup === undefined ? {} : { cgroup }),
      ...(idMap === undefined ? {} : { ownUsers: usersOf(idMap, namespaces) }),
    });
    pid = await createContainer(layout, place, config);
  } finally {
    namespaces?.done();
  }
  const process = identify(pid);
  if (process === undefined)
    throw new CausewayError('command-failed', `starting container ${spec.name}: it ended at once`);
  await runcStart(layout.runcRoot, spec.name, process);
  const started = { ...record, process, startedAt: new Date().toISOString() };
  await writeRecord(place.record, started);
  return started;
}

function usersOf(map: IdMap, namespaces: MadeNamespaces | undefined): OwnUsers {
  return { map, ...(namespaces === undefined ? {} : { path: namespaces.user }) };
}

/** What is remembered before the start: how often it was started, and how it ended last. */
function recordOf({ decision, world, image }: StartRequest): ContainerRecord {
  const { spec, specHash, addresses, anew } = decision;
  const { observed } = world;
  const old = anew ? undefined : observed.records.get(spec.name);
  const exitCode = observed.exits.get(spec.name) ?? old?.exitCode;
  const restarts = (old?.restarts ?? 0) + (old?.process === undefined ? 0 : 1);
  const { generation, image: ref } = spec;
  const { stopSignal } = image.config;
  return {
    ...{ name: spec.name, ...addressFields(addresses), specHash },
    ...(generation === undefined ? {} : { generation }),
    ...(ref === undefined ? {} : { image: ref }),
    ...(restarts === 0 ? {} : { restarts }),
    ...(exitCode === undefined || anew ? {} : { exitCode }),
    ...(stopSignal === undefined ? {} : { stopSignal }),
  };
}

/** What runc would complain of in its own words, or only once there is a process. */
async function checkStart(spec: ContainerSpec, image: ReadyImage): Promise<void> {
  if (argsOf(spec, image.config).length === 0)
    throw invalid('command', spec.command, 'names no program to run, and its image names none either');
  workdirOf(spec, image.config);
  for (const { source } of spec.mounts ?? []) {
    const fault = await stat(source).then(
      () => undefined,
      (error: NodeJS.ErrnoException) => (error.code === 'ENOENT' ? 'it is not there' : messageOf(error)),
    );
    if (fault !== undefined) throw invalid('mounts', source, `is nothing that can be mounted: ${fault}`);
  }
}

async function prepareRoot(
  place: Place,
  { decision, world, image, abilities }: StartRequest,
  idMap: IdMap | undefined,
): Promise<UserIds> {
  const { spec, anew } = decision;
  const { inUserNamespace, users, groups } = abilities;
  const mounted = world.observed.mounted.has(spec.name);
  const lowers =
    idMap === undefined ? image.lowers : await mappedLayers(image.lowers, idMap, world.layout.mapped);
  const owner = idMap?.first ?? 0;
  await makeRoot(place, { lowers, files: spec.files, inUserNamespace, mounted, anew, owner });
  if (idMap !== undefined) await checkPassable(place);
  await writeMadeFiles(place, spec, world, owner);
  const asked = spec.user ?? (image.config.user || '0');
  const user = await userIn(place.merged, asked);
  const most = idMap?.count ?? users;
  if (user.uid >= most || user.gid >= most)
    throw invalid(
      'user',
      asked,
      `is not possible on this host: its agent has ${most} user ${most === 1 ? 'number' : 'numbers'} only`,
    );
  return groups ? user : { ...user, additionalGids: [] };
}

/** All of them come to their end, also when one fails: nothing goes on behind a failed start. */
async function allOf<T>([first, ...others]: [Promise<T>, ...Promise<unknown>[]]): Promise<[T]> {
  const made = await Promise.allSettled([first, ...others]);
  for (const one of made) if (one.status === 'rejected') throw one.reason;
  return [await first];
}
