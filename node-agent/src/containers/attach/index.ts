import { isDeepStrictEqual } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { AttachTarget, ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { type ByFamily, entriesOf } from '@causeway/shared/net/family';
import type { World } from '../connection.ts';
import { movedText, type RuntimeEvent } from '../move.ts';
import { connect, linkFault, removeLink, removeNetns } from '../network.ts';
import { attachedNetnsOf, NETNS_DIR, type Place } from '../places.ts';
import { addressesOf, addressFields, type ContainerRecord, removeRecord, writeRecord } from '../records.ts';
import { specHash } from '../spec.ts';
import { createClaims } from './claims.ts';
import { nameNetns } from './netns.ts';
import { attachFault, HAS_LINK, targetText } from './refusals.ts';
import { type Engines, type Former, type Found, seek } from './seek.ts';
import { type AttachWatch, createAttachWatch } from './watch.ts';

export { DEFAULT_ENGINES, type Engines } from './seek.ts';

/** One container of others that is to have a network from us. */
export interface AttachRequest {
  readonly spec: ContainerSpec;
  readonly place: Place;
  /** That it is to have. */
  readonly addresses: ByFamily<string>;
  readonly world: World;
  /** Asked before anything is made or mended. @param what it is about */
  mayWork(what: string): boolean;
}

/** Gives containers of others a network, and takes it back when they end. Taking it back on request is `removeContainer`'s. */
export interface Attacher {
  /**
   * Brings one to what it should be: attached, or `detached` because it does not run. Safe to repeat.
   *
   * @returns undefined when it would take work that may not be done now: what was known of it holds until then
   * @throws CausewayError which names what was asked for, when it cannot be attached
   */
  keep(request: AttachRequest): Promise<AttachedState | undefined>;
  /**
   * Calls `listener` when one that is attached has ended, or one that had ended runs again.
   *
   * @returns stops it
   */
  onNeed(listener: () => void): () => void;
  /** Nobody looks out for all others any more, also those that were never attached. */
  keepOnly(names: ReadonlySet<string>): void;
}

type AttachedState = Omit<ContainerStatus, 'name' | 'host'>;

export interface AttacherDeps {
  readonly engines: Engines;
  readonly tell: (kind: RuntimeEvent, message: string) => void;
}

export function createAttacher({ engines, tell }: AttacherDeps): Attacher {
  const watch = createAttachWatch(engines);
  const claimedSince = createClaims<World['observed']>();
  return {
    keep: (request) => keep(request, { engines, tell, watch, claimed: claimedSince(request.world.observed) }),
    onNeed: watch.onNeed,
    keepOnly: watch.keepOnly,
  };
}

interface Means extends AttacherDeps {
  readonly watch: AttachWatch;
  /** Names by namespace of what was attached since the host was looked at, or is about to be. */
  readonly claimed: Map<number, string>;
}

async function keep(request: AttachRequest, means: Means): Promise<AttachedState | undefined> {
  const { spec, addresses, world } = request;
  const { attach } = spec;
  if (attach === undefined)
    throw new CausewayError('internal', `attaching ${spec.name}: it is one of our own`);
  const record = world.observed.records.get(spec.name);
  const former = record?.attached;
  means.watch.forget(spec.name);
  // Whatever comes of this, it is tried again when the engine has it.
  if (isNamedByEngine(attach)) means.watch.waits(spec.name, attach);
  const found = await sought(attach, former, means);
  if (found === undefined) {
    await release(request, record, means.tell);
    return { state: 'detached', reason: `${targetText(attach)} does not run` };
  }
  const now = { ...found, target: attach };
  const isNamed = world.observed.attached.get(spec.name) === found.netns;
  const there = isNamed && former?.netns === found.netns ? former : undefined;
  const fault = there !== undefined ? faultOf(request, record) : `it is namespace ${found.netns}`;
  const waits = fault !== undefined && !request.mayWork(fault);
  if (!waits && there === undefined) await begin(request, now, record, means);
  else if (!waits && there !== undefined && fault !== undefined)
    await mend(request, there, record, means.tell);
  means.watch.lives(spec.name, now);
  if (waits) return undefined;
  const { process } = found;
  return {
    state: 'running',
    ...addressFields(addresses),
    ...(process === undefined ? {} : { pid: process.pid }),
  };
}

async function sought(
  target: AttachTarget,
  former: Former | undefined,
  { engines }: Means,
): Promise<Found | undefined> {
  try {
    return await seek(target, former, engines);
  } catch (error) {
    // One that was there before has ended, and its engine has forgotten it.
    const isGone = error instanceof CausewayError && error.code === 'not-found';
    if (isGone && former !== undefined && isDeepStrictEqual(former.target, target)) return undefined;
    throw new CausewayError(
      error instanceof CausewayError ? error.code : 'internal',
      `attaching ${targetText(target)}: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** An engine starts what it knows by a name again; a number or a path may be anybody's the next time. */
export function isNamedByEngine({ kind }: AttachTarget): boolean {
  return kind === 'docker' || kind === 'containerd';
}

/** Makes all of it anew. The record comes before anything in the kernel, so that a crash anywhere leaves what is found. */
async function begin(
  { spec, place, addresses, world }: AttachRequest,
  former: Former,
  record: ContainerRecord | undefined,
  { claimed, tell }: Means,
): Promise<void> {
  await clear(place, world);
  const fault = attachFault(spec, former, world, claimed);
  if (fault !== undefined) throw fault;
  claimed.set(former.netns, spec.name);
  const foreign = foreignPlace(place);
  try {
    await writeRecord(place.record, recordOf(spec, addresses, former));
    const lines = await nameNetns(foreign, former);
    const mac = spec.network?.kind === 'bridge' ? spec.network.mac : undefined;
    await connect(foreign, addresses, world.network, {
      ...{ netns: true, link: false, foreign: true, before: lines },
      ...(mac === undefined ? {} : { mac }),
    });
  } catch (error) {
    claimed.delete(former.netns);
    await undo(place, record);
    throw readable(error, former.target);
  }
  const again = record?.attached !== undefined;
  tell(
    'container-attached',
    `container ${spec.name} (${targetText(former.target)}) was attached${again ? ' again' : ''}`,
  );
}

/** What is left of a former life, or of a start that broke off. */
async function clear(place: Place, { observed }: World): Promise<void> {
  if (observed.links.has(place.hostLink)) await removeLink(place.hostLink);
  if (observed.attached.has(place.name)) await removeNetns(attachedNetnsOf(place.name));
}

async function undo(place: Place, record: ContainerRecord | undefined): Promise<void> {
  await removeLink(place.hostLink);
  await removeNetns(attachedNetnsOf(place.name));
  if (record === undefined) await removeRecord(place.record);
  else await writeRecord(place.record, record);
}

/** The kernel's word for a name that is taken inside. */
function readable(error: unknown, target: AttachTarget): unknown {
  if (!/File exists/.test(messageOf(error))) return error;
  return new CausewayError('conflict', `attaching ${targetText(target)}: ${HAS_LINK}`, { cause: error });
}

/** @returns what is wrong with one that is attached */
function faultOf(
  { place, addresses, world }: AttachRequest,
  record: ContainerRecord | undefined,
): string | undefined {
  const held = record === undefined ? {} : addressesOf(record);
  if (isDeepStrictEqual(held, addresses))
    return linkFault(world.observed.links.get(place.hostLink), world.network);
  return `its addresses change to ${JSON.stringify(addresses)}`;
}

async function mend(
  { spec, place, addresses, world }: AttachRequest,
  former: Former,
  record: ContainerRecord | undefined,
  tell: AttacherDeps['tell'],
): Promise<void> {
  const held = record === undefined ? {} : addressesOf(record);
  const moves = !isDeepStrictEqual(held, addresses);
  const link = world.observed.links.get(place.hostLink);
  await writeRecord(place.record, recordOf(spec, addresses, former));
  const mac = spec.network?.kind === 'bridge' ? spec.network.mac : undefined;
  await connect(foreignPlace(place), addresses, world.network, {
    ...{ netns: true, link: link !== undefined, foreign: true },
    ...(mac === undefined ? {} : { mac }),
  });
  if (moves && entriesOf(held).length > 0) tell('container-moved', movedText(spec.name, held, addresses));
}

/** Its addresses stay its own as long as it is known here: it gets them back when it runs again. */
async function release(
  { spec, place, addresses, world }: AttachRequest,
  record: ContainerRecord | undefined,
  tell: AttacherDeps['tell'],
): Promise<void> {
  const { observed } = world;
  if (!observed.links.has(place.hostLink) && !observed.attached.has(spec.name)) return;
  await clear(place, world);
  if (record !== undefined) {
    const { attached: _gone, ...rest } = record;
    await writeRecord(place.record, { ...rest, ...addressFields(addresses) });
  }
  tell('container-detached', `container ${spec.name} has ended: it was detached`);
}

function recordOf(spec: ContainerSpec, addresses: ByFamily<string>, attached: Former): ContainerRecord {
  const { netns, target, process } = attached;
  return {
    ...{ name: spec.name, ...addressFields(addresses), specHash: specHash(spec) },
    attached: { netns, target, ...(process === undefined ? {} : { process }) },
  };
}

function foreignPlace(place: Place): Place {
  const netns = attachedNetnsOf(place.name);
  return { ...place, netns, netnsPath: `${NETNS_DIR}/${netns}` };
}
