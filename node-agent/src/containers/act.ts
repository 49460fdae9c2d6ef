import { isDeepStrictEqual } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { begin } from './begin.ts';
import type { World } from './connection.ts';
import type { Attach, Decision, Keep, Repair, Rest, Start, Stop } from './decision.ts';
import { endSessions } from './exec-session.ts';
import { type Circumstances, type Fate, lastOf, readable, runningFate, warnOnce, watch } from './fate.ts';
import { OUT_OF_MEMORY } from './lifecycle.ts';
import { connectionOf } from './modes/index.ts';
import { arrive, leave } from './move.ts';
import { renameNetns } from './network.ts';
import type { Pass } from './pass.ts';
import { placeOf } from './places.ts';
import { addressesOf, addressFields, type ContainerRecord, withAddresses, writeRecord } from './records.ts';
import { erase } from './remove.ts';

/**
 * Carries out one decision; whatever goes wrong is this one's fate alone.
 *
 * @returns undefined when nothing became of it yet, and what is known of it still holds
 */
export async function act(pass: Pass, decision: Decision, given: Circumstances): Promise<Fate | undefined> {
  try {
    return await carryOut(pass, decision, given);
  } catch (cause) {
    const { name } = decision;
    const error = readable(name, cause);
    pass.logger.warn({ container: name, err: error }, `container failed: ${messageOf(error)}`);
    return { ...knownOf(pass, decision, given), state: 'failed', reason: messageOf(error) };
  }
}

async function carryOut(pass: Pass, decision: Decision, given: Circumstances): Promise<Fate | undefined> {
  const { world } = given;
  switch (decision.kind) {
    case 'keep': {
      const fate = await alive(pass, decision, world);
      return decision.lack === undefined ? fate : { ...fate, reason: decision.lack };
    }
    case 'repair':
      if (given.refusal !== undefined) throw new CausewayError('degraded', given.refusal);
      return mend(pass, decision, given);
    case 'start':
      return begin(pass, decision, given);
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

async function attach(
  pass: Pass,
  { name, spec, addresses }: Attach,
  given: Circumstances,
): Promise<Fate | undefined> {
  const { world, refusal } = given;
  // Its engine starts it, not we.
  pass.restarts.forget(name);
  if (refusal !== undefined) {
    pass.restarts.refused(name, pass.now(), refusal);
    throw new CausewayError('degraded', refusal);
  }
  // What ran here by this name before is one of our own.
  const isOther = world.observed.runc.has(name);
  if (isOther) await erase(pass.layout, name, world.observed);
  let isWell = true;
  const mayWork = (what: string) => {
    isWell = false;
    // What is known of the other holds no longer.
    return mayTry(pass, name, what, given) || isOther;
  };
  const fate = await pass.attacher.keep({
    ...{ spec, place: placeOf(pass.layout, name), addresses, world },
    mayWork,
  });
  if (isWell) pass.tried.delete(name);
  return fate;
}

/** @returns undefined: it runs as it did until its turn has come */
async function mend(pass: Pass, decision: Repair, given: Circumstances): Promise<Fate | undefined> {
  const { name, why, pid } = decision;
  if (!mayTry(pass, name, why, given)) {
    watch(pass, name, pid);
    return undefined;
  }
  await repair(pass, decision, given.world);
  pass.logger.info({ container: name, why }, 'container repaired');
  return alive(pass, decision, given.world);
}

/**
 * What was tried and did not help is tried again with each look, and takes nobody's turn: that many are in need of it would
 * have one pass follow the other for ever.
 */
function mayTry({ tried }: Pass, name: string, what: string, { allowance }: Circumstances): boolean {
  if (tried.get(name) === what) return true;
  if (!allowance.has()) return false;
  allowance.use();
  tried.set(name, what);
  return true;
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
  // A disk that is full keeps nobody from stopping: the next look comes to the same, and writes it down when it can.
  const unnoted = isDeepStrictEqual(record, old)
    ? undefined
    : await writeRecord(place.record, record).then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
  if (unnoted === undefined) pass.warned.delete(name);
  else warnOnce(pass, name, unnoted.error, `its end was not noted: ${messageOf(unnoted.error)}`);
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
  const process = watch(pass, name, pid);
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
  watch(pass, decision.name, decision.pid);
  return { ...known, pid: decision.pid };
}
