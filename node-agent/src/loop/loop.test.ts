import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { HOST_1, OWN, snapshotOf } from '../../../test/support/desired-host.ts';
import { createLogger } from '../logger.ts';
import { createRuleGate } from './address-gate.ts';
import type { Round, Suspicion } from './converge.ts';
import { createLoop, type Loop, type LoopDeps } from './loop.ts';

const WHOLE: Round = {
  ...{ steps: [], fates: [], problems: [], peersWanted: 0, peersInstalled: 0, peers: [] },
  ...{ firewallHeld: true, networkHeld: true, repairs: 0, forgotten: 0, flowsClean: true },
};
const NOTHING = { network: false, firewall: false };
const RULES = { network: false, firewall: true };

let loop: Loop;
let asked: Suspicion[];
/** What comes of the rounds from here on. */
let outcome: Round;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  const host = { facts: HOST_1 };
  const deps = {
    ...{ name: 'host-1', log: createLogger('silent', 'host-1'), resyncSeconds: 3_600 },
    ...{ host: async () => host, focus: () => undefined, gate: createRuleGate(), remember: () => undefined },
    view: () => ({
      read: () => ({ snapshot: snapshotOf(), problems: [], unknownContainers: [], unknownPolicies: [] }),
    }),
    place: { subnets: () => OWN, problem: () => undefined, verify: () => undefined },
    keeper: { want: () => undefined, look: () => undefined },
    reporter: { report: () => undefined, verify: () => undefined },
    subnetFile: { keep: async () => undefined },
    healthChecks: { want: () => undefined, verify: () => undefined, problem: () => undefined },
    api: { problem: () => undefined },
    converger: {
      round: async (_desired: unknown, suspicion: Suspicion) => {
        asked.push(suspicion);
        return outcome;
      },
    },
  };
  loop = createLoop(deps as unknown as LoopDeps, host as Parameters<typeof createLoop>[1]);
});
afterEach(async () => {
  await loop.stop();
  vi.useRealTimers();
});

/** @returns what the rounds of this time were asked for */
async function roundsWithin(ms: number): Promise<readonly Suspicion[]> {
  asked = [];
  await vi.advanceTimersByTimeAsync(ms);
  return asked;
}

describe('what is not whole', () => {
  beforeEach(async () => {
    outcome = { ...WHOLE, leftOut: 1 };
    loop.changed();
    expect(await roundsWithin(100)).toEqual([{ network: true, firewall: true }]);
  });

  it('is looked at again in its own time, and not with each change that comes before', async () => {
    for (let i = 0; i < 3; i++) {
      loop.changed();
      expect(await roundsWithin(100)).toEqual([NOTHING]);
    }
    expect(await roundsWithin(200)).toEqual([RULES]);
    outcome = WHOLE;
    expect(await roundsWithin(60_000)).toEqual([RULES]);
    expect(await roundsWithin(60_000)).toEqual([]);
  });

  it('makes no refused change wait', async () => {
    await roundsWithin(100_000);
    outcome = { ...WHOLE, firewallHeld: false };
    loop.changed();
    expect((await roundsWithin(10))[0]).toEqual(NOTHING);
    outcome = WHOLE;
    expect(await roundsWithin(600)).toEqual([RULES]);
  });
});
