import { isDeepStrictEqual } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { type Decision, decide, type Keep, leftovers, type Repair, type Start } from './decide.ts';
import { type HostAbilities, hostAbilities } from './host.ts';
import { busyboxImage, type Image } from './image.ts';
import { arrive, leave, type RuntimeEvent, tellStarted } from './move.ts';
import { type ContainerNetwork, connect, removeLink, renameNetns } from './network.ts';
import { type Observed, observe } from './observe.ts';
import { type Layout, placeOf } from './places.ts';
import { identify, type ProcessId } from './processes.ts';
import { addressesOf, addressFields, writeRecord } from './records.ts';
import { erase, removeContainer } from './remove.ts';
import type { Restarts } from './restarts.ts';
import { startContainer } from './start.ts';

/** The part of a pino logger that is used here. */
export interface RuntimeLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What one pass hands on to the next; losing it loses nothing but the delays of restarts. */
export interface Pass {
  readonly layout: Layout;
  readonly logger: RuntimeLogger;
  readonly restarts: Restarts;
  /** First processes by container name, as the last pass left them. */
  readonly running: Map<string, ProcessId>;
  /** Tells people. */
  readonly tell: (kind: RuntimeEvent, message: string) => void;
  /** Milliseconds. */
  readonly now: () => number;
}

/** Containers that are started or repaired at the same time; a start keeps about one core busy. */
const AT_ONCE = 4;

type Fate = Omit<ContainerStatus, 'name' | 'host'>;

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
    const observed = await observe(pass.layout);
    // Without runc's word nobody knows what runs: to start or to remove anything would be a guess.
    if (observed.runcFault !== undefined) throw observed.runcFault;
    const stuck = await removeLeftovers(pass, specs, observed, spared);
    const decisions = decide(specs, observed, network, new Set([...stuck, ...spared]));
    const need = once(() => Promise.all([busyboxImage(pass.layout.images), hostAbilities()]));
    const act = actor(pass, observed, network, need);
    pass.running.clear();
    return await mapLimited(decisions, AT_ONCE, async (decision, index) => {
      const fate = await act(decision);
      return statusOf(specs[index], decision.name, fate);
    });
  } catch (error) {
    pass.logger.warn({ err: error }, `containers: ${messageOf(error)}`);
    pass.running.clear();
    for (const { name } of specs) pass.restarts.failed(name, pass.now());
    return specs.map((spec) => statusOf(spec, spec.name, { state: 'failed', reason: messageOf(error) }));
  }
}

function statusOf(spec: ContainerSpec | undefined, name: string, fate: Fate): ContainerStatus {
  return { name, host: spec?.host ?? '', ...fate };
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
  return stuck;
}

/** Carries out decisions; whatever goes wrong with one is that one's fate. */
function actor(
  pass: Pass,
  observed: Observed,
  network: ContainerNetwork,
  need: () => Promise<[Image, HostAbilities]>,
): (decision: Decision) => Promise<Fate> {
  return async (decision) => {
    try {
      switch (decision.kind) {
        case 'keep':
          return await alive(pass, decision, observed);
        case 'repair':
          await repair(pass, decision, observed, network);
          pass.logger.info({ container: decision.name, why: decision.why }, 'container repaired');
          return await alive(pass, decision, observed);
        case 'start':
          return await start(pass, decision, observed, network, need);
        case 'refuse':
          pass.restarts.forget(decision.name);
          throw decision.error;
      }
    } catch (error) {
      const { name } = decision;
      pass.logger.warn({ container: name, err: error }, `container failed: ${messageOf(error)}`);
      return { ...knownOf(pass, decision), state: 'failed', reason: messageOf(error) };
    }
  };
}

async function start(
  pass: Pass,
  decision: Start,
  observed: Observed,
  network: ContainerNetwork,
  need: () => Promise<[Image, HostAbilities]>,
): Promise<Fate> {
  const { name, addresses, why, spec, specHash } = decision;
  const { restarts, layout, logger, now } = pass;
  if (decision.fresh) restarts.forget(name);
  const wait = observed.running.has(name) ? 0 : restarts.ended(name, now());
  if (wait > 0) {
    const failures = restarts.failures(name);
    const often = failures === 1 ? 'once' : `${failures} times in a row`;
    const after = `failed ${often}, next start in ${Math.ceil(wait / 1000)} s`;
    return {
      ...addressFields(addresses),
      state: 'failed',
      reason: `${why}; ${after}; its output is in ${placeOf(layout, name).log}`,
    };
  }
  try {
    const [image, abilities] = await need();
    await erase(layout, name, observed);
    const process = await startContainer(layout, { spec, specHash, addresses, network, image, abilities });
    restarts.started(name, now());
    pass.running.set(name, process);
    logger.info({ container: name, ...addressFields(addresses), pid: process.pid, why }, 'container started');
    tellStarted(pass, decision);
    return { state: 'running', ...addressFields(addresses), pid: process.pid };
  } catch (error) {
    restarts.failed(name, now());
    throw error;
  }
}

async function repair(
  pass: Pass,
  decision: Repair,
  observed: Observed,
  network: ContainerNetwork,
): Promise<void> {
  const { name, addresses, pid, renameNetns: rename, relink } = decision;
  const place = placeOf(pass.layout, name);
  const record = observed.records.get(name);
  if (rename) await renameNetns(place, pid, observed.netns.has(name));
  const link = observed.links.has(place.hostLink);
  const moves = record !== undefined && !isDeepStrictEqual(addressesOf(record), addresses);
  if (moves) await leave(place, decision, record);
  // A namespace found under its own name may still be one that the link never led to: look inside again.
  if (relink || rename) await connect(place, addresses, network, { netns: true, link });
  if (record !== undefined && (moves || record.movedFrom !== undefined))
    await arrive(pass, place, decision, record);
}

async function alive(pass: Pass, decision: Keep | Repair, observed: Observed): Promise<Fate> {
  const { name, addresses, pid } = decision;
  const process = watch(pass, decision);
  const record = observed.records.get(name);
  // An agent that was killed just after the start had no time to write it down.
  if (process !== undefined && record !== undefined && record.process?.startTime !== process.startTime) {
    const { specHash } = record;
    await writeRecord(placeOf(pass.layout, name).record, {
      ...{ name, ...addressFields(addresses), specHash, process },
    });
  }
  return { state: 'running', ...addressFields(addresses), pid };
}

/** Its end will be noticed. */
function watch({ running }: Pass, { name, pid }: Keep | Repair): ProcessId | undefined {
  const process = identify(pid);
  if (process !== undefined) running.set(name, process);
  return process;
}

/** What is true of a container although something went wrong with it. */
function knownOf(pass: Pass, decision: Decision): Omit<Fate, 'state'> {
  if (decision.kind === 'refuse') return {};
  const addresses = addressFields(decision.addresses);
  if (decision.kind === 'start') return addresses;
  watch(pass, decision);
  return { ...addresses, pid: decision.pid };
}

/** The image is looked for only when a container is to be started. */
function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

async function mapLimited<A, B>(
  items: readonly A[],
  limit: number,
  work: (item: A, index: number) => Promise<B>,
): Promise<readonly B[]> {
  const results: B[] = [];
  const queue = [...items.entries()];
  const worker = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift())
      results[next[0]] = await work(next[1], next[0]);
  };
  await Promise.all(Array.from({ length: limit }, worker));
  return results;
}
