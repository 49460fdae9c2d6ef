import { mkdirSync } from 'node:fs';
import type { ContainerSpec, ImageRef } from '@causeway/shared/model/container';
import type { ImageStore } from '../images/image.ts';
import { createImageStore } from '../images/store.ts';
import { createAttacher, DEFAULT_ENGINES, type Engines } from './attach/index.ts';
import { decide } from './decide.ts';
import { type ExecRequest, type ExecResult, runcExec } from './exec.ts';
import type { SessionRequest } from './exec-command.ts';
import { openSession, type Session } from './exec-session.ts';
import type { AddressGate, ContainerAddresses } from './gate.ts';
import type { ContainerNetwork } from './host-network.ts';
import { createImageSupply } from './image-supply.ts';
import { leftovers } from './leftovers.ts';
import { createLine } from './line.ts';
import type { RuntimeEvent } from './move.ts';
import { observe, readRecords } from './observe.ts';
import type { Pass, RuntimeLogger } from './pass.ts';
import { layoutOf, placeOf } from './places.ts';
import { isAlive } from './processes.ts';
import { type PassOptions, type Reconciled, reconcilePass } from './reconcile.ts';
import { addressesOf } from './records.ts';
import { removeEverything } from './remove-all.ts';
import { createRestarts } from './restarts.ts';
import { createStops } from './stop.ts';
import { watchFolder } from './watch-folder.ts';

export type { ContainerNetwork } from './host-network.ts';
export type { RuntimeEvent } from './move.ts';
export type { RuntimeLogger } from './pass.ts';
export type { PassOptions, Reconciled } from './reconcile.ts';

export interface RuntimeOptions {
  /** Survives reboots: addresses, images, root file systems, logs. `/var/lib/causeway` */
  readonly stateDir: string;
  /** Gone after a reboot: runc's state and the bundles. `/run/causeway` */
  readonly runDir: string;
  readonly logger?: RuntimeLogger;
  /** Absent: the host's own busybox, and images that are here already. */
  readonly images?: Pick<ImageStore, 'ready' | 'isHere'>;
  /** Absent: nobody programs rules for containers. */
  readonly gate?: AddressGate;
  /** Where others' containers are found; absent: where they usually are. */
  readonly engines?: Engines;
}

export interface ContainerRuntime {
  /**
   * Brings this host's containers to exactly `specs`: makes missing ones, removes others, restarts dead ones
   * (with a growing delay), repairs their links, leaves running ones untouched. Safe to repeat; calls queue up. What takes
   * its time (an image that comes from another host, one that was asked to stop) holds up nothing: `onNeed` tells of its end.
   * Never rejects for a single container's fault.
   */
  reconcile(
    specs: readonly ContainerSpec[],
    network: ContainerNetwork,
    options?: PassOptions,
  ): Promise<Reconciled>;
  /**
   * What `reconcile` would do, a sentence each, changing nothing; empty: nothing to do.
   *
   * @param spared names that are left alone, running or not: nobody can say what they should be
   */
  plan(
    specs: readonly ContainerSpec[],
    network: ContainerNetwork,
    spared?: readonly string[],
  ): Promise<readonly string[]>;
  /**
   * Runs a command in a container of this host that runs.
   *
   * @throws CausewayError `timeout`
   */
  exec(name: string, request: ExecRequest): Promise<ExecResult>;
  /** As `openSession`: a command that somebody talks to. */
  execSession(name: string, request: SessionRequest, signal?: AbortSignal): Promise<Session>;
  /**
   * Calls `listener` when a container's process has ended or a delayed restart is due: time for `reconcile`.
   *
   * @returns stops it
   */
  onNeed(listener: () => void): () => void;
  /**
   * Calls `listener` with what people should hear of: a container has another address (`container-moved`), or could
   * not be given one and must be started again by somebody (`restart-needed`). `message` is one sentence.
   *
   * @returns stops it
   */
  onEvent(listener: (kind: RuntimeEvent, message: string) => void): () => void;
  /** What containers have on disk, running or not: what rules must go on ruling when an agent begins its life. */
  heldAddresses(): Promise<readonly ContainerAddresses[]>;
  /** Images that containers of this host are made of. */
  heldImages(): Promise<readonly ImageRef[]>;
  /**
   * Removes every container, namespace, link and file of ours on this host; half of it may be missing.
   *
   * @returns a sentence for each thing that was removed
   * @throws CausewayError `degraded` when something is left; all the rest is gone then
   */
  removeAll(): Promise<readonly string[]>;
}

/** Between looks at the containers' processes, milliseconds: an end is seen within this time. */
const LOOK_EVERY_MS = 500;
const SILENT: RuntimeLogger = { info: () => undefined, warn: () => undefined };

export function createRuntime(options: RuntimeOptions): ContainerRuntime {
  const { logger = SILENT, gate, engines = DEFAULT_ENGINES } = options;
  const layout = layoutOf(options);
  const { images = createImageStore({ dir: layout.images, maxBytes: Number.MAX_SAFE_INTEGER }) } = options;
  const listeners = new Set<(kind: RuntimeEvent, message: string) => void>();
  const needs = new Set<() => void>();
  const wake = () => {
    for (const need of needs) need();
  };
  const tell: Pass['tell'] = (kind, message) => {
    for (const listener of listeners) listener(kind, message);
  };
  const attacher = createAttacher({ engines, tell });
  const pass: Pass = {
    ...{ tell, wake, attacher },
    ...{
      layout,
      logger,
      gate,
      restarts: createRestarts(),
      stops: createStops(),
      line: createLine(),
      stuck: new Set(),
      tried: new Map(),
      warned: new Map(),
      running: new Map(),
    },
    now: () => performance.now(),
    images: createImageSupply(images, wake),
  };
  const oneAtATime = createQueue();
  return {
    reconcile: (specs, network, options) => oneAtATime(() => reconcilePass(pass, specs, network, options)),
    plan: (specs, network, spared = []) => oneAtATime(() => plan(pass, specs, network, new Set(spared))),
    exec: (name, request) => runcExec(layout.runcRoot, placeOf(layout, name), request),
    execSession: (name, request, signal) =>
      openSession(layout.runcRoot, placeOf(layout, name), request, signal),
    onNeed: (listener) => {
      needs.add(listener);
      const stops = [lookForNeed(pass, listener), attacher.onNeed(listener)];
      return () => {
        needs.delete(listener);
        for (const stop of stops) stop();
      };
    },
    onEvent: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    heldAddresses: async () =>
      [...(await readRecords(layout))].map(([name, record]) => ({ name, addresses: addressesOf(record) })),
    heldImages: async () => [...(await readRecords(layout)).values()].flatMap(({ image }) => image ?? []),
    removeAll: () =>
      oneAtATime(async () => {
        pass.running.clear();
        return removeEverything(layout);
      }),
  };
}

async function plan(
  { layout }: Pass,
  specs: readonly ContainerSpec[],
  network: ContainerNetwork,
  spared: ReadonlySet<string>,
): Promise<readonly string[]> {
  const observed = await observe(layout);
  if (observed.runcFault !== undefined) throw observed.runcFault;
  const { names, links } = leftovers(specs, observed, spared);
  const decisions = decide(specs, { observed, network, layout }, spared).all;
  return [
    ...names.map((name) => `remove container ${name}`),
    ...links.map((link) => `remove link ${link}`),
    ...decisions.flatMap((one) => (one.kind === 'start' ? `start container ${one.name}: ${one.why}` : [])),
    ...decisions.flatMap((one) => (one.kind === 'stop' ? `stop container ${one.name}` : [])),
    ...decisions.flatMap((one) => (one.kind === 'repair' ? `repair container ${one.name}: ${one.why}` : [])),
  ];
}

/** The monitors' files tell at once that one has ended; the processes themselves tell it also of those without a monitor. */
function lookForNeed({ layout, running, restarts, stops, now }: Pass, listener: () => void): () => void {
  const look = () => {
    const ended = [...running.values()].some((process) => !isAlive(process));
    if (ended || restarts.due(now()) || stops.due(now())) listener();
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  timer.unref();
  mkdirSync(layout.exits, { recursive: true });
  const unwatch = watchFolder(layout.exits, look);
  return () => {
    clearInterval(timer);
    unwatch();
  };
}

/** Two passes at once would undo each other's work. */
function createQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const next = last.then(task, task);
    last = next.catch(() => undefined);
    return next;
  };
}
