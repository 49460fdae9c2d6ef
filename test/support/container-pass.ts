import { createLine } from '../../node-agent/src/containers/line.ts';
import type { Observed } from '../../node-agent/src/containers/observe.ts';
import type { Pass } from '../../node-agent/src/containers/pass.ts';
import { layoutOf } from '../../node-agent/src/containers/places.ts';
import { bootId, identify, type ProcessId } from '../../node-agent/src/containers/processes.ts';
import type { ContainerRecord } from '../../node-agent/src/containers/records.ts';
import { createRestarts } from '../../node-agent/src/containers/restarts.ts';
import { createStops } from '../../node-agent/src/containers/stop.ts';

/** A host with nothing of ours on it. */
export function emptyHost(): Observed {
  return {
    ...{ running: new Map(), runc: new Set(), records: new Map(), netns: new Map(), attached: new Map() },
    ...{
      links: new Map(),
      files: new Set(),
      exits: new Map(),
      outOfMemory: new Set(),
      mounted: new Set(),
      bootId: bootId(),
    },
  };
}

/** Stands for every container's first process. */
export function thisProcess(): ProcessId {
  const me = identify(process.pid);
  if (me === undefined) throw new Error('this process is not alive');
  return me;
}

/** The host with a container that runs. */
export function withRunning(host: Observed, record: ContainerRecord): Observed {
  const { running, runc, records } = host;
  return {
    ...host,
    running: new Map(running).set(record.name, { pid: process.pid, netns: 1 }),
    runc: new Set([...runc, record.name]),
    records: new Map(records).set(record.name, record),
  };
}

/** The memory of an agent that has just begun, whose clock stands still and which has no images. */
export function idlePass(): Pass {
  return {
    layout: layoutOf({ stateDir: '/nowhere/lib', runDir: '/nowhere/run' }),
    logger: { info: () => undefined, warn: () => undefined },
    ...{ restarts: createRestarts(), stops: createStops(), line: createLine() },
    ...{ stuck: new Set(), tried: new Map(), warned: new Map(), running: new Map(), gate: undefined },
    images: { take: async () => undefined },
    attacher: {
      keep: async () => ({ state: 'running' }),
      onNeed: () => () => undefined,
      keepOnly: () => undefined,
    },
    ...{ tell: () => undefined, wake: () => undefined, now: () => 0 },
  };
}
