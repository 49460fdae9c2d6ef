import { createLine } from '../../node-agent/src/containers/line.ts';
import type { Observed } from '../../node-agent/src/containers/observe.ts';
import { layoutOf } from '../../node-agent/src/containers/places.ts';
import { bootId } from '../../node-agent/src/containers/processes.ts';
import type { Pass } from '../../node-agent/src/containers/reconcile.ts';
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

/** The memory of an agent that has just begun, whose clock stands still and which has no images. */
export function idlePass(): Pass {
  return {
    layout: layoutOf({ stateDir: '/nowhere/lib', runDir: '/nowhere/run' }),
    logger: { info: () => undefined, warn: () => undefined },
    ...{ restarts: createRestarts(), stops: createStops(), line: createLine() },
    ...{ stuck: new Set(), running: new Map(), gate: undefined },
    images: { take: async () => undefined },
    attacher: {
      keep: async () => ({ state: 'running' }),
      onNeed: () => () => undefined,
      keepOnly: () => undefined,
    },
    ...{ tell: () => undefined, wake: () => undefined, now: () => 0 },
  };
}
