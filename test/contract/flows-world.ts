import { afterAll, beforeAll, expect } from 'vitest';
import type { Cleaning } from '../../node-agent/src/loop/flow-cleaner.ts';
import type { FirewallIntent } from '../../shared/src/desired/intent.ts';
import type { Family } from '../../shared/src/net/family.ts';
import { type Bundle, useBundle } from '../support/bundle.ts';
import { type Dataplane, type DataplaneName, dataplaneIn } from '../support/dataplanes.ts';
import { openPacketWorld, type PacketWorld } from '../support/packet-world.ts';
import { callsTo } from '../support/program-calls.ts';
import type { Call } from './flows-driver.ts';

/** The cleaning of flows as a program, for a file of tests. */
export const useFlowDriver = () => useBundle(new URL('flows-driver.ts', import.meta.url));

/** A packet world for some tests, in which flows follow the rules. */
export interface FlowWorld {
  readonly world: PacketWorld;
  agent(family: Family): FlowAgent;
}

/** What the agent of a host does for its flows, in one family. */
export interface FlowAgent {
  /** Brings the kernel to this intent as the agent does, the rules first. It must come to an end without a problem. */
  follow(to: FirewallIntent): Promise<Cleaning>;
  /** The same without touching the rules. */
  clean(call: Call): Promise<Cleaning>;
  /** The next that follows is an agent that has just started. */
  restart(): void;
}

export function useFlowWorld(driver: Bundle, name: DataplaneName): FlowWorld {
  let world: PacketWorld;
  let dataplane: Dataplane;
  let callDriver: <T>(call: object) => Promise<T>;
  beforeAll(async () => {
    world = await openPacketWorld();
    callDriver = callsTo(world.spawn(process.execPath, [driver.path]), 'the cleaning of flows');
    dataplane = dataplaneIn(world, name);
  });
  afterAll(() => world.close());
  const agent = (family: Family): FlowAgent => {
    let held: FirewallIntent | undefined;
    const clean = async (call: Call) => {
      held = call.to[0];
      const cleaning = await callDriver<Cleaning>(call);
      expect(cleaning).toMatchObject({ problems: [], done: true });
      return cleaning;
    };
    return {
      clean,
      follow: async (to) => {
        await dataplane.apply(family, dataplane.ruleset.full(to, await dataplane.list(family)));
        return clean({ ...(held === undefined ? {} : { from: [held] }), to: [to] });
      },
      restart: () => {
        held = undefined;
      },
    };
  };
  return {
    get world() {
      return world;
    },
    agent,
  };
}
