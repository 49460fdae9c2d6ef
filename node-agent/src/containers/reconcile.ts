import { rm } from 'node:fs/promises';
import { messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { act } from './act.ts';
import { createAllowance, type Limits } from './allowance.ts';
import { announced } from './announced.ts';
import type { World } from './connection.ts';
import { decide } from './decide.ts';
import type { Decision } from './decision.ts';
import { refreshHosts } from './etc.ts';
import { type Lack, warnOnce } from './fate.ts';
import type { ContainerNetwork } from './host-network.ts';
import { leftovers } from './leftovers.ts';
import { AT_ONCE, mapLimited } from './limited.ts';
import { connectionOf } from './modes/index.ts';
import { removeLink } from './network.ts';
import { type Observed, observe } from './observe.ts';
import type { Pass } from './pass.ts';
import { placeOf } from './places.ts';
import { removeContainer } from './remove.ts';

/**
 * How far one pass goes, and who hears of it meanwhile. `most` holds for what is removed, for what is started, and for
 * what is attached or repaired, for each apart, and again for those in another's namespace; `isStale` for all but what is
 * removed. The rest is the next pass's.
 */
export interface PassOptions extends Limits {
  /** Names that nothing is done to. */
  readonly spared?: readonly string[];
  /** Hears of each state as it comes about. */
  readonly onState?: (state: ContainerStatus) => void;
}

/** How things are after a pass. */
export interface Reconciled {
  /** In the order of the specs. Missing: of those there is nothing new to say, they run as before and wait for their turn. */
  readonly states: readonly ContainerStatus[];
  /** Names of what is not wanted and still here; undefined: nobody knows, the host could not be looked at. */
  readonly left: readonly string[] | undefined;
  /** Somebody waits for his turn: another pass is due at once. */
  readonly more: boolean;
}

/** One pass: look, remove, decide, act. */
export async function reconcilePass(
  pass: Pass,
  specs: readonly ContainerSpec[],
  network: ContainerNetwork,
  options: PassOptions = {},
): Promise<Reconciled> {
  try {
    const { layout } = pass;
    const spared = new Set(options.spared);
    const observed = await observe(layout);
    // Without runc's word nobody knows what runs: to start or to remove anything would be a guess.
    if (observed.runcFault !== undefined) throw observed.runcFault;
    pass.warned.delete('');
    const { left, more } = await removeLeftovers(pass, specs, observed, options);
    const { all, world } = decide(specs, { observed, network, layout }, new Set([...left, ...spared]));
    const done = await carryOut(pass, all, world, options);
    await refreshAll(pass, all, world);
    return { states: done.states, left: [...left], more: more || done.more };
  } catch (error) {
    warnOnce(pass, '', error, `containers: ${messageOf(error)}`);
    pass.running.clear();
    const failed = { state: 'failed', reason: messageOf(error) } as const;
    // No fault of theirs: however long it takes, they are started as soon as the host can be looked at again.
    for (const { name } of specs) pass.restarts.refused(name, pass.now(), failed.reason);
    const states = specs.map(({ name, host }) => ({ name, host, ...failed }));
    return { states, left: undefined, more: false };
  }
}

/** @returns the names that are still here */
async function removeLeftovers(
  { layout, logger, restarts, stuck }: Pass,
  specs: readonly ContainerSpec[],
  observed: Observed,
  { spared = [], most = Number.POSITIVE_INFINITY }: PassOptions,
): Promise<{ readonly left: ReadonlySet<string>; readonly more: boolean }> {
  const { names, links } = leftovers(specs, observed, new Set(spared));
  const left = new Set(names);
  await mapLimited(inTurn(names, stuck).slice(0, most), AT_ONCE, async (name) => {
    stuck.delete(name);
    try {
      await removeContainer(layout, name, observed);
      left.delete(name);
      restarts.forget(name);
      logger.info({ container: name }, 'container removed');
    } catch (error) {
      stuck.add(name);
      logger.warn({ container: name, err: error }, `container not removed: ${messageOf(error)}`);
    }
  });
  for (const link of links) await removeLink(link);
  const unmapped =
    spared.length === 0 && left.size === 0 && specs.every((spec) => spec.userNamespace !== true);
  if (names.length > 0 && unmapped) await rm(layout.mapped, { recursive: true, force: true });
  // Where none could be removed, the next pass has no reason to hurry.
  return { left, more: names.length > most && left.size < names.length };
}

/** What could not be removed keeps nobody else from it: it comes after all others, one after the other in its turn. */
function inTurn(names: readonly string[], stuck: Set<string>): readonly string[] {
  for (const name of stuck) if (!names.includes(name)) stuck.delete(name);
  return [...names.filter((name) => !stuck.has(name)), ...stuck];
}

/** Those that share another's namespace come after all that might make one. */
async function carryOut(
  pass: Pass,
  all: readonly Decision[],
  world: World,
  options: PassOptions,
): Promise<Pick<Reconciled, 'states' | 'more'>> {
  const refusals = (await pass.gate?.announce(announced(all, world.observed))) ?? new Map<string, string>();
  prepare(pass, all);
  const states = new Map<Decision, ContainerStatus>();
  const allowances = [false, true].map(() => ({
    ...{ starts: createAllowance(options), others: createAllowance(options) },
  }));
  const byName = new Map(all.map((one) => [one.name, one]));
  const host = world.specs[0]?.host ?? '';
  for (const [turn, { starts, others }] of allowances.entries()) {
    const theirs = all.filter((one) => (needsOf(one) === undefined) === (turn === 0));
    await mapLimited(pass.line.order(theirs, world.observed.records), AT_ONCE, async (decision) => {
      const needed = byName.get(needsOf(decision) ?? '');
      const lack = needed && lackOf(needed, states.get(needed));
      const refusal = refusals.get(decision.name);
      const allowance = decision.kind === 'start' ? starts : others;
      const fate = await act(pass, decision, { world, refusal, lack, allowance });
      if (fate === undefined) return;
      const state = { name: decision.name, host, ...fate };
      states.set(decision, state);
      options.onState?.(state);
    });
  }
  // What one lacked may have come with another.
  const started = all.some((one) => one.kind === 'start' && states.get(one)?.state === 'running');
  if (started && all.some((one) => one.kind === 'keep' && one.lack !== undefined)) pass.wake();
  return {
    states: all.flatMap((one) => states.get(one) ?? []),
    more: allowances.some(({ starts, others }) => starts.isShort || others.isShort),
  };
}

/** What is remembered of those that nothing is decided about any more goes. */
function prepare(
  { running, restarts, attacher, line, stops, tried, warned }: Pass,
  all: readonly Decision[],
): void {
  running.clear();
  const names = new Set(all.map(({ name }) => name));
  for (const memory of [restarts, attacher, line]) memory.keepOnly(names);
  for (const name of warned.keys()) if (!names.has(name)) warned.delete(name);
  const open = new Set(
    all.filter(({ kind }) => kind === 'repair' || kind === 'attach').map(({ name }) => name),
  );
  for (const name of tried.keys()) if (!open.has(name)) tried.delete(name);
  stops.keepOnly(new Set(all.filter(({ kind }) => kind === 'stop').map(({ name }) => name)));
}

function needsOf(decision: Decision): string | undefined {
  return decision.kind === 'refuse' ? undefined : connectionOf(decision.spec).needs;
}

/** @param state what has become of the one that is needed; undefined: its turn has not come */
function lackOf(needed: Decision, state: ContainerStatus | undefined): Lack | undefined {
  if (state?.state === 'running') return undefined;
  // A start that fails is tried again, and what waits for its turn to be mended has it in the next pass.
  const waits = state === undefined && (needed.kind === 'repair' || needed.kind === 'attach');
  return { name: needed.name, comes: needed.kind === 'start' || waits };
}

/** What containers of one host call each other changes with each that comes or goes. */
async function refreshAll({ layout, logger }: Pass, all: readonly Decision[], world: World): Promise<void> {
  for (const decision of all) {
    if (decision.kind !== 'keep' && decision.kind !== 'repair') continue;
    const { name, spec } = decision;
    await refreshHosts(placeOf(layout, name), spec, world).catch((error) =>
      logger.warn({ container: name, err: error }, `its hosts file is not up to date: ${messageOf(error)}`),
    );
  }
}
