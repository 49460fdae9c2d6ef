import { rm } from 'node:fs/promises';
import { messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { act, type Fate } from './act.ts';
import { announced } from './announced.ts';
import type { Attacher } from './attach/index.ts';
import type { World } from './connection.ts';
import { type Decision, decide, leftovers } from './decide.ts';
import { refreshHosts } from './etc.ts';
import type { AddressGate } from './gate.ts';
import type { ImageSupply } from './image-supply.ts';
import { AT_ONCE, mapLimited } from './limited.ts';
import { connectionOf } from './modes/index.ts';
import type { RuntimeEvent } from './move.ts';
import { type ContainerNetwork, removeLink } from './network.ts';
import { type Observed, observe } from './observe.ts';
import { type Layout, placeOf } from './places.ts';
import type { ProcessId } from './processes.ts';
import { removeContainer } from './remove.ts';
import type { Restarts } from './restarts.ts';
import type { Stops } from './stop.ts';

/** The part of a pino logger that is used here. */
export interface RuntimeLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What one pass hands on to the next; losing it loses nothing but the delays of restarts and stops. */
export interface Pass {
  readonly layout: Layout;
  readonly logger: RuntimeLogger;
  readonly restarts: Restarts;
  readonly stops: Stops;
  readonly images: ImageSupply;
  readonly attacher: Attacher;
  readonly gate: AddressGate | undefined;
  /** First processes by container name, as the last pass left them. */
  readonly running: Map<string, ProcessId>;
  /** Tells people. */
  readonly tell: (kind: RuntimeEvent, message: string) => void;
  /** Asks for another pass soon. */
  readonly wake: () => void;
  /** Milliseconds. */
  readonly now: () => number;
}

/**
 * One pass: look, remove, decide, act. Says what became of each spec, in their order.
 *
 * @param spared names that nothing is done to
 */
export async function reconcilePass(
  pass: Pass,
  specs: readonly ContainerSpec[],
  network: ContainerNetwork,
  spared: ReadonlySet<string>,
): Promise<readonly ContainerStatus[]> {
  try {
    const { layout } = pass;
    const observed = await observe(layout);
    // Without runc's word nobody knows what runs: to start or to remove anything would be a guess.
    if (observed.runcFault !== undefined) throw observed.runcFault;
    const stuck = await removeLeftovers(pass, specs, observed, spared);
    const { all, world } = decide(specs, { observed, network, layout }, new Set([...stuck, ...spared]));
    const fates = await carryOut(pass, all, world);
    await refreshAll(pass, all, world);
    return specs.map((spec, index) => statusOf(spec, fates[index] ?? { state: 'failed' }));
  } catch (error) {
    pass.logger.warn({ err: error }, `containers: ${messageOf(error)}`);
    pass.running.clear();
    for (const { name } of specs) pass.restarts.failed(name, pass.now());
    return specs.map((spec) => statusOf(spec, { state: 'failed', reason: messageOf(error) }));
  }
}

function statusOf({ name, host }: ContainerSpec, fate: Fate): ContainerStatus {
  return { name, host, ...fate };
}

/** @returns the names that could not be removed */
async function removeLeftovers(
  { layout, logger, restarts }: Pass,
  specs: readonly ContainerSpec[],
  observed: Observed,
  spared: ReadonlySet<string>,
): Promise<ReadonlySet<string>> {
  const { names, links } = leftovers(specs, observed, spared);
  const stuck = new Set<string>();
  await mapLimited(names, AT_ONCE, async (name) => {
    try {
      await removeContainer(layout, name, observed);
      restarts.forget(name);
      logger.info({ container: name }, 'container removed');
    } catch (error) {
      stuck.add(name);
      logger.warn({ container: name, err: error }, `container not removed: ${messageOf(error)}`);
    }
  });
  for (const link of links) await removeLink(link);
  const unmapped =
    spared.size === 0 && stuck.size === 0 && specs.every((spec) => spec.userNamespace !== true);
  if (names.length > 0 && unmapped) await rm(layout.mapped, { recursive: true, force: true });
  return stuck;
}

/** Those that share another's namespace come after all that might make one. */
async function carryOut(pass: Pass, all: readonly Decision[], world: World): Promise<readonly Fate[]> {
  const refusals = (await pass.gate?.announce(announced(all, world.observed))) ?? new Map<string, string>();
  pass.running.clear();
  const names = new Set(all.map(({ name }) => name));
  for (const memory of [pass.restarts, pass.attacher]) memory.keepOnly(names);
  pass.stops.keepOnly(new Set(all.filter(({ kind }) => kind === 'stop').map(({ name }) => name)));
  const fates: Fate[] = [];
  const stateOf = (name: string) => fates[all.findIndex((one) => one.name === name)]?.state;
  const turns = [
    all.filter((one) => needsOf(one) === undefined),
    all.filter((one) => needsOf(one) !== undefined),
  ];
  for (const turn of turns)
    await mapLimited(turn, AT_ONCE, async (decision) => {
      const needs = needsOf(decision);
      const lack = needs !== undefined && stateOf(needs) !== 'running' ? needs : undefined;
      const refusal = refusals.get(decision.name);
      fates[all.indexOf(decision)] = await act(pass, decision, { world, refusal, lack });
    });
  // What one lacked may have come with another.
  const started = all.some((one, index) => one.kind === 'start' && fates[index]?.state === 'running');
  if (started && all.some((one) => one.kind === 'keep' && one.lack !== undefined)) pass.wake();
  return fates;
}

function needsOf(decision: Decision): string | undefined {
  return decision.kind === 'refuse' ? undefined : connectionOf(decision.spec).needs;
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
