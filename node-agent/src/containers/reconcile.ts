import { messageOf } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { type Decision, decide, leftovers } from './decide.ts';
import { type HostAbilities, hostAbilities } from './host.ts';
import { busyboxImage, type Image } from './image.ts';
import { type ContainerNetwork, connect, removeLink, renameNetns } from './network.ts';
import { type Observed, observe } from './observe.ts';
import { type Layout, placeOf } from './places.ts';
import { identify, type ProcessId } from './processes.ts';
import { writeRecord } from './records.ts';
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
  /** Milliseconds. */
  readonly now: () => number;
}

/** Containers that are started or repaired at the same time; a start keeps about one core busy. */
const AT_ONCE = 4;

type Act<Kind extends Decision['kind']> = Extract<Decision, { kind: Kind }>;
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
          await repair(decision, observed, pass.layout, network);
          pass.logger.info({ container: decision.name, why: decision.why }, 'container repaired');
          return await alive(pass, decision, observed);
        case 'start':
          return await start(pass, decision, observed, network, need);
        case 'refuse':
          pass.restarts.forget(decision.name);
          throw decision.error;
      }
    } catch (error) {
      const { name, kind } = decision;
      pass.logger.warn({ container: name, err: error }, `container failed: ${messageOf(error)}`);
      const known = kind === 'repair' ? await alive(pass, decision, observed) : addressOf(decision);
      return { ...known, state: 'failed', reason: messageOf(error) };
    }
  };
}

async function start(
  pass: Pass,
  decision: Act<'start'>,
  observed: Observed,
  network: ContainerNetwork,
  need: () => Promise<[Image, HostAbilities]>,
): Promise<Fate> {
  const { name, address, why, spec, specHash } = decision;
  const { restarts, layout, logger, now } = pass;
  if (decision.fresh) restarts.forget(name);
  const wait = observed.running.has(name) ? 0 : restarts.ended(name, now());
  if (wait > 0) {
    const failures = restarts.failures(name);
    const often = failures === 1 ? 'once' : `${failures} times in a row`;
    const after = `failed ${often}, next start in ${Math.ceil(wait / 1000)} s`;
    return {
      address,
      state: 'failed',
      reason: `${why}; ${after}; its output is in ${placeOf(layout, name).log}`,
    };
  }
  try {
    const [image, abilities] = await need();
    await erase(layout, name, observed);
    const process = await startContainer(layout, { spec, specHash, address, network, image, abilities });
    restarts.started(name, now());
    pass.running.set(name, process);
    logger.info({ container: name, address, pid: process.pid, why }, 'container started');
    return { state: 'running', address, pid: process.pid };
  } catch (error) {
    restarts.failed(name, now());
    throw error;
  }
}

async function repair(
  { name, address, pid, renameNetns: rename, relink }: Act<'repair'>,
  observed: Observed,
  layout: Layout,
  network: ContainerNetwork,
): Promise<void> {
  const place = placeOf(layout, name);
  if (rename) await renameNetns(place, pid, observed.netns.has(name));
  const link = observed.links.has(place.hostLink);
  // A namespace found under its own name may still be one that the link never led to: look inside again.
  if (relink || rename) await connect(place, address, network, { netns: true, link });
}

async function alive(
  { running, layout }: Pass,
  { name, address, pid }: Act<'keep' | 'repair'>,
  observed: Observed,
): Promise<Fate> {
  const process = identify(pid);
  const record = observed.records.get(name);
  if (process !== undefined) {
    running.set(name, process);
    // An agent that was killed just after the start had no time to write it down.
    if (record !== undefined && record.process?.startTime !== process.startTime)
      await writeRecord(placeOf(layout, name).record, { ...record, process });
  }
  return { state: 'running', address, pid };
}

function addressOf(decision: Decision): { readonly address?: string } {
  return decision.kind === 'refuse' ? {} : { address: decision.address };
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
