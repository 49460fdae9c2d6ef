import { isDeepStrictEqual } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ContainerStatus } from '@causeway/shared/model/container';
import type { World } from './connection.ts';
import type { Attach, Decision, Keep, Repair, Rest, Start, Stop } from './decide.ts';
import { endSessions } from './exec-session.ts';
import { hostAbilities } from './host.ts';
import { OUT_OF_MEMORY } from './lifecycle.ts';
import { connectionOf } from './modes/index.ts';
import { arrive, leave, tellStarted } from './move.ts';
import { renameNetns } from './network.ts';
import { placeOf } from './places.ts';
import { identify } from './processes.ts';
import type { Pass } from './reconcile.ts';
import { addressesOf, addressFields, type ContainerRecord, withAddresses, writeRecord } from './records.ts';
import { erase } from './remove.ts';
import { startContainer } from './start.ts';

/** What became of a container in one pass. */
export type Fate = Omit<ContainerStatus, 'name' | 'host'>;

export interface Circumstances {
  readonly world: World;
  /** Why it must not get its link or its process. */
  readonly refusal: string | undefined;
  /** The container whose namespace it shares, which does not run. */
  readonly lack: string | undefined;
}

/** Carries out one decision; whatever goes wrong is this one's fate alone. */
export async function act(pass: Pass, decision: Decision, given: Circumstances): Promise<Fate> {
  try {
    return await carryOut(pass, decision, given);
  } catch (cause) {
    const { name } = decision;
    const error = readable(name, cause);
    pass.logger.warn({ container: name, err: error }, `container failed: ${messageOf(error)}`);
    return { ...knownOf(pass, decision, given), state: 'failed', reason: messageOf(error) };
  }
}

/** Of a file of ours, or as a program says it; a cgroup without processors says the same of itself. */
function isDiskFull(error: unknown): boolean {
  const said = messageOf(error);
  if (/no space left on device/i.test(said)) return !said.includes('cgroup');
  return error instanceof Error && error.cause !== undefined && isDiskFull(error.cause);
}

function readable(name: string, cause: unknown): unknown {
  if (!isDiskFull(cause)) return cause;
  return new CausewayError('exhausted', `starting container ${name}: no space is left on the disk`, {
    cause,
  });
}

async function carryOut(pass: Pass, decision: Decision, given: Circumstances): Promise<Fate> {
  const { world } = given;
  switch (decision.kind) {
    case 'keep': {
      const fate = await alive(pass, decision, world);
      return decision.lack === undefined ? fate : { ...fate, reason: decision.lack };
    }
    case 'repair':
      if (given.refusal !== undefined) throw new CausewayError('degraded', given.refusal);
      await repair(pass, decision, world);
      pass.logger.info({ container: decision.name, why: decision.why }, 'container repaired');
      return alive(pass, decision, world);
    case 'start':
      return start(pass, decision, given);
    case 'stop':
      return stop(pass, decision, world);
    case 'rest':
      return rest(pass, decision, world);
    case 'attach':
      return attach(pass, decision, given);
    case 'refuse':
      pass.restarts.forget(decision.name);
      throw decision.error;
  }
}

async function attach(pass: Pass, { name, spec, addresses }: Attach, given: Circumstances): Promise<Fate> {
  const { world, refusal } = given;
  // Its engine starts it, not we.
  pass.restarts.forget(name);
  if (refusal !== undefined) throw new CausewayError('degraded', refusal);
  // What ran here by this name before is one of our own.
  if (world.observed.runc.has(name)) await erase(pass.layout, name, world.observed);
  return pass.attacher.keep({ spec, place: placeOf(pass.layout, name), addresses, world });
}

async function start(pass: Pass, decision: Start, { world, refusal, lack }: Circumstances): Promise<Fate> {
  const { name, addresses, why, spec } = decision;
  const { restarts, layout, logger, now } = pass;
  const { observed } = world;
  const known = {
    ...addressFields(addresses),
    ...lastOf(observed.records.get(name), observed.exits.get(name)),
  };
  if (decision.fresh) restarts.tries(name, `${decision.specHash} ${spec.generation ?? 0}`);
  if (lack !== undefined) {
    restarts.holds(name);
    const reason = `its namespace is that of container ${lack}, which does not run`;
    return { ...known, state: 'failed', reason };
  }
  const wait = observed.running.has(name) ? 0 : restarts.ended(name, now());
  if (wait > 0) return { ...known, state: 'failed', reason: delayText(pass, decision, wait) };
  if (refusal !== undefined) {
    restarts.refused(name, now(), refusal);
    throw new CausewayError('degraded', refusal);
  }
  try {
    const image = await pass.images.take(spec.image);
    if (image === undefined) {
      restarts.holds(name);
      return { ...known, state: 'starting', reason: `image ${spec.image?.name} is on its way to this host` };
    }
    endSessions(placeOf(layout, name), `container ${name} was started anew`);
    await erase(layout, name, observed);
    const record = await startContainer({ decision, world, image, abilities: await hostAbilities() });
    restarts.started(name, now());
    if (record.process !== undefined) pass.running.set(name, record.process);
    const pid = record.process?.pid;
    logger.info({ container: name, ...addressFields(addresses), pid, why }, 'container started');
    tellStarted(pass, decision);
    return { ...runningFate(record), ...(pid === undefined ? {} : { pid }) };
  } catch (cause) {
    const error = readable(name, cause);
    restarts.failed(name, now(), messageOf(error));
    throw error;
  }
}

function delayText({ restarts, layout }: Pass, { name, why }: Start, wait: number): string {
  const failures = restarts.failures(name);
  const reason = restarts.reason(name);
  if (failures === 0 && reason !== undefined) return reason;
  const often = failures === 1 ? 'once' : `${failures} times in a row`;
  const after = `failed ${often}, next start in ${Math.ceil(wait / 1000)} s`;
  return reason === undefined
    ? `${why}; ${after}; its output is in ${placeOf(layout, name).log}`
    : `${reason}; ${after}`;
}

/** Asks it to end; the pass after its end finds it at rest. */
async function stop(pass: Pass, decision: Stop, world: World): Promise<Fate> {
  const { name, spec, pid } = decision;
  const record = world.observed.records.get(name);
  endSessions(placeOf(pass.layout, name), `container ${name} was stopped`);
  pass.stops.stop(spec, pid, record?.stopSignal, pass.now());
  return { ...(await alive(pass, decision, world)), reason: 'it was asked to stop' };
}

/** Its root, its log and its addresses stay; all else goes. */
async function rest(pass: Pass, { name, addresses, state }: Rest, world: World): Promise<Fate> {
  const { layout } = pass;
  const { observed } = world;
  const old = observed.records.get(name);
  const exitCode = observed.exits.get(name) ?? old?.exitCode;
  const place = placeOf(layout, name);
  const record: ContainerRecord = {
    ...withAddresses(old ?? { name, specHash: '' }, addresses),
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(observed.outOfMemory.has(name) ? { outOfMemory: true } : {}),
    rests: state,
  };
  if (!isDeepStrictEqual(record, old)) await writeRecord(place.record, record);
  const left = observed.runc.has(name) || observed.netns.has(name) || observed.links.has(place.hostLink);
  if (left) await erase(layout, name, observed);
  pass.restarts.forget(name);
  const killed = state === 'exited' && record.outOfMemory === true ? { reason: OUT_OF_MEMORY } : {};
  return { state, ...addressFields(addresses), ...lastOf(record, exitCode), ...killed };
}

async function repair(pass: Pass, decision: Repair, world: World): Promise<void> {
  const { observed } = world;
  const { name, addresses, spec, pid, renameNetns: rename, relink } = decision;
  const place = placeOf(pass.layout, name);
  const record = observed.records.get(name);
  if (rename) await renameNetns(place, pid, observed.netns.has(name));
  const moves = record !== undefined && !isDeepStrictEqual(addressesOf(record), addresses);
  if (moves) await leave(place, decision, record);
  // A namespace found under its own name may still be one that the link never led to: look inside again.
  if (relink || rename) await connectionOf(spec).make({ place, addresses, world, fresh: false });
  if (record !== undefined && (moves || record.movedFrom !== undefined))
    await arrive(pass, place, decision, record);
}

/** It runs: its end will be noticed, and what is remembered of it is put right. */
async function alive(pass: Pass, decision: Keep | Repair | Stop, { observed }: World): Promise<Fate> {
  const { name, addresses, pid, spec } = decision;
  const process = watch(pass, decision);
  const record = observed.records.get(name);
  if (record === undefined) return { state: 'running', ...addressFields(addresses), pid };
  const known = { ...withAddresses(record, addresses), ...generationOf(spec) };
  // An agent that was killed just after the start had no time to write it down.
  const missed = process !== undefined && record.process?.startTime !== process.startTime;
  const started = missed ? { process, startedAt: new Date().toISOString() } : {};
  const after: ContainerRecord = { ...known, ...started };
  if (missed || record.generation !== after.generation)
    await writeRecord(placeOf(pass.layout, name).record, after);
  return { ...runningFate(after), pid };
}

function generationOf({ generation }: Start['spec']): { readonly generation?: number } {
  return generation === undefined ? {} : { generation };
}

function runningFate(record: ContainerRecord): Fate {
  return { state: 'running', ...addressFields(addressesOf(record)), ...lastOf(record, record.exitCode) };
}

/** What its starts were, and how the last one ended that has. */
function lastOf(record: ContainerRecord | undefined, exitCode: number | undefined): Partial<Fate> {
  const { startedAt, restarts } = record ?? {};
  const code = exitCode ?? record?.exitCode;
  return {
    ...(code === undefined ? {} : { exitCode: code }),
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(restarts === undefined ? {} : { restarts }),
  };
}

/** Its end will be noticed. */
function watch({ running, restarts, now }: Pass, { name, pid }: Keep | Repair | Stop) {
  const process = identify(pid);
  if (process !== undefined) {
    running.set(name, process);
    restarts.runs(name, now());
  }
  return process;
}

/** What is true of a container although something went wrong with it. */
function knownOf(pass: Pass, decision: Decision, { world }: Circumstances): Omit<Fate, 'state'> {
  if (decision.kind === 'refuse') return {};
  const { observed } = world;
  const record = observed.records.get(decision.name);
  const known = {
    ...addressFields(decision.addresses),
    ...lastOf(record, observed.exits.get(decision.name)),
  };
  if (decision.kind !== 'keep' && decision.kind !== 'repair' && decision.kind !== 'stop') return known;
  watch(pass, decision);
  return { ...known, pid: decision.pid };
}
