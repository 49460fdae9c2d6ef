import { beforeEach, expect, it } from 'vitest';
import type { ContainerSpec } from '../../../shared/src/model/container.ts';
import type { NetworkPolicy } from '../../../shared/src/model/network-policy.ts';
import type { Snapshot } from '../../../shared/src/model/snapshot.ts';
import { snapshotOf } from '../../../test/support/desired-host.ts';
import { createRuleGate, type RoundEnd, type RuleGate } from './address-gate.ts';

const container = (name: string, more: Partial<ContainerSpec> = {}): ContainerSpec => ({
  ...{ name, host: 'host-1', command: ['x'], files: {} },
  ...more,
});
const CLOSED: NetworkPolicy = {
  name: 'closed',
  subjects: { labels: { app: 'web' } },
  ingress: { default: 'deny', rules: [] },
};
const WEB = container('web', { labels: { app: 'web' } });
const PLAIN = container('plain', { publish: [{ hostPort: 80, containerPort: 80, protocol: 'tcp' }] });
const WEB_AT = { name: 'web', addresses: { ipv4: '10.10.1.2' } };
const PLAIN_AT = { name: 'plain', addresses: { ipv4: '10.10.1.3' } };
const HELD = { firewallHeld: true };
const REFUSED = { firewallHeld: false, reason: 'running nft: no' };

let gate: RuleGate;
let snapshot: Snapshot;
/** What happened, in order. */
let told: string[];
/** Policies that cannot be read. */
let unknownPolicies: readonly string[];

beforeEach(() => {
  gate = createRuleGate(60_000);
  snapshot = snapshotOf({ containers: [PLAIN, WEB], policies: [CLOSED] });
  told = [];
  unknownPolicies = [];
});

/** A loop whose rounds end like this, each in a turn of its own. */
function loop(...ends: RoundEnd[]): void {
  gate.listen({
    onAddresses: () => {
      const end = ends.shift();
      if (end !== undefined) setImmediate(() => round(end));
    },
    onHeld: () => told.push('held'),
  });
}
function round(end: RoundEnd) {
  const local = gate.local({ snapshot, unknownPolicies });
  told.push(`round for ${local.addresses.map(({ name }) => name).join(' ') || 'nobody'}`);
  gate.settled(local, end);
  return local;
}

it('lets nobody pass before the kernel holds the rules', async () => {
  round(HELD);
  loop(HELD);
  expect(await gate.announce([WEB_AT])).toEqual(new Map());
  expect(told).toEqual(['round for nobody', 'round for web']);
});

it('answers at once when no rules are for them, or are there already', async () => {
  snapshot = snapshotOf({ containers: [container('web')], policies: [CLOSED] });
  round(HELD);
  expect(await gate.announce([WEB_AT])).toEqual(new Map());
  expect(await gate.announce([WEB_AT])).toEqual(new Map());
  expect(told).toEqual(['round for nobody']);
});

it('keeps back those that a policy means when the kernel refuses, and no others', async () => {
  round(HELD);
  loop(REFUSED);
  const refused = new Map([['web', 'the rules of its policies are not in the kernel: running nft: no']]);
  expect(await gate.announce([PLAIN_AT, WEB_AT])).toEqual(refused);
  // The loop tries again by itself.
  expect(await gate.announce([PLAIN_AT, WEB_AT])).toEqual(refused);
  round(HELD);
  expect(told.at(-1)).toBe('held');
  expect(await gate.announce([PLAIN_AT, WEB_AT])).toEqual(new Map());
});

it('waits for no kernel that does not answer', async () => {
  gate = createRuleGate(1);
  round(HELD);
  expect(await gate.announce([WEB_AT])).toEqual(
    new Map([['web', 'the rules of its policies are not in the kernel: it has not answered']]),
  );
});

it('lets nobody pass while a policy can be read by nobody', async () => {
  unknownPolicies = ['secret'];
  round(HELD);
  loop(HELD);
  expect(await gate.announce([PLAIN_AT])).toEqual(
    new Map([['plain', 'policy secret cannot be read, so nobody knows whom container plain may speak to']]),
  );
});

it('knows of one that is to be removed what it was, until it is gone', async () => {
  round(HELD);
  loop(HELD, HELD);
  await gate.announce([WEB_AT]);
  snapshot = { ...snapshot, containers: [PLAIN] };
  expect(round(HELD).specs).toEqual([PLAIN, WEB]);
  await gate.announce([]);
  expect(round(HELD).specs).toEqual([PLAIN]);
});

it('begins with what the host had', () => {
  gate.seed([WEB_AT]);
  expect(round(HELD)).toEqual({ specs: [PLAIN, WEB], addresses: [WEB_AT] });
});
