import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { type ByFamily, entriesOf, FAMILIES, mapFamilies } from '@causeway/shared/net/family';
import type { World } from './connection.ts';
import type { Decision, Start } from './decision.ts';
import type { ContainerNetwork } from './host-network.ts';
import { verdict } from './lifecycle.ts';
import { connectionOf, modeOf } from './modes/index.ts';
import { planAddresses } from './modes/plan.ts';
import { targetFault } from './modes/targets.ts';
import type { Observed } from './observe.ts';
import type { Layout } from './places.ts';
import { addressesOf, type ContainerRecord } from './records.ts';
import { checkSpec, specHash } from './spec.ts';

/** Where decisions are carried out. */
export interface Host {
  readonly observed: Observed;
  readonly network: ContainerNetwork;
  readonly layout: Layout;
}

export interface Decisions {
  /** One for each spec, in their order. */
  readonly all: readonly Decision[];
  readonly world: World;
}

/**
 * PURE. One decision for each spec, in their order.
 *
 * @param stuck names that are spared, or should be gone but could not be removed: their addresses stay taken
 */
export function decide(
  specs: readonly ContainerSpec[],
  { observed, network, layout }: Host,
  stuck: ReadonlySet<string>,
): Decisions {
  const faults = faultsOf(specs);
  const sound = specs.filter((spec) => !faults.has(spec));
  const stays = new Set([...specs.map(({ name }) => name), ...stuck]);
  const records = [...observed.records].filter(([name]) => stays.has(name));
  const held = new Map(records.map(([name, record]) => [name, addressesOf(record)]));
  const planned = planAddresses(sound, held, network, observed.running);
  const given = [...planned].flatMap(([name, one]) =>
    one instanceof CausewayError ? [] : [[name, one] as const],
  );
  const world: World = { specs, observed, network, layout, addresses: new Map(given) };
  const decideOf = (spec: ContainerSpec): Decision => {
    const { name } = spec;
    const fault = faults.get(spec);
    if (fault !== undefined) return { kind: 'refuse', name, error: fault };
    const addresses = planned.get(name) ?? {};
    if (addresses instanceof CausewayError)
      return unconnected(spec, held.get(name) ?? {}, world) ?? { kind: 'refuse', name, error: addresses };
    if (spec.attach !== undefined) return { kind: 'attach', name, addresses, spec };
    return decideOne(spec, addresses, world);
  };
  return { all: followed(specs.map(decideOf), world), world };
}

/** A namespace that is made anew is another one: whoever shares it is started anew with it. */
function followed(all: readonly Decision[], { observed, addresses }: World): readonly Decision[] {
  const starting = new Set(all.filter(({ kind }) => kind === 'start').map(({ name }) => name));
  return all.map((decision) => {
    if (decision.kind !== 'keep' && decision.kind !== 'repair') return decision;
    const { name, spec } = decision;
    const needs = connectionOf(spec).needs;
    if (needs === undefined || !starting.has(needs)) return decision;
    const why = `container ${needs}, whose namespace it shares, is started`;
    return startOf(spec, addresses.get(name) ?? {}, observed.records.get(name), why, true);
  });
}

/**
 * What can be done with one that can get no network: whoever wants it stopped has it stopped, and one that runs goes on
 * running without the container that it was joined to.
 *
 * @param held its addresses on disk
 */
function unconnected(spec: ContainerSpec, held: ByFamily<string>, world: World): Decision | undefined {
  const { name } = spec;
  if (spec.attach !== undefined) return undefined;
  const addresses = isInAnother(spec) ? {} : held;
  if (spec.want === 'stopped') return decideOne(spec, addresses, world);
  const running = world.observed.running.get(name);
  const isSame = world.observed.records.get(name)?.specHash === specHash(spec);
  const fault = targetFault(spec, world.specs);
  if (running === undefined || !isSame || fault === undefined) return undefined;
  return { kind: 'keep', name, addresses, spec, pid: running.pid, lack: fault.message };
}

/** In another's namespace it has nothing of its own: without that one no address either. */
function isInAnother(spec: ContainerSpec): boolean {
  return modeOf(spec).kind === 'container';
}

function decideOne(spec: ContainerSpec, addresses: ByFamily<string>, world: World): Decision {
  const { observed } = world;
  const { name } = spec;
  const record = observed.records.get(name);
  const running = observed.running.get(name);
  if (running !== undefined) {
    if (spec.want === 'stopped') return { kind: 'stop', name, addresses, spec, pid: running.pid };
    if (record === undefined || record.specHash !== specHash(spec))
      return startOf(spec, addresses, record, 'its definition has changed', true);
    return decideRunning(spec, addresses, record, world);
  }
  const rebooted = record?.process !== undefined && record.process.bootId !== observed.bootId;
  const end = { exitCode: observed.exits.get(name), outOfMemory: observed.outOfMemory.has(name), rebooted };
  const then = verdict(spec, { record, ...end, hash: specHash(spec) });
  if (then.kind === 'rest') return { kind: 'rest', name, addresses, spec, state: then.state };
  return startOf(spec, addresses, record, then.why, then.fresh);
}

function startOf(
  spec: ContainerSpec,
  addresses: ByFamily<string>,
  record: ContainerRecord | undefined,
  why: string,
  fresh: boolean,
): Start {
  const hash = specHash(spec);
  const anew = record !== undefined && record.specHash !== hash;
  const from = fromField(lostOf(record, addresses));
  return { kind: 'start', name: spec.name, addresses, spec, specHash: hash, fresh, anew, ...from, why };
}

function decideRunning(
  spec: ContainerSpec,
  addresses: ByFamily<string>,
  record: ContainerRecord,
  world: World,
): Decision {
  const { name } = spec;
  const { observed } = world;
  const { pid, netns } = observed.running.get(name) ?? { pid: 0, netns: undefined };
  const connection = connectionOf(spec);
  const fault = connection.fault(world);
  if (fault?.cure === 'restart') return startOf(spec, addresses, record, fault.why, true);
  if (fault?.cure === 'wait' && isInAnother(spec))
    return { kind: 'keep', name, addresses: {}, spec, pid, lack: fault.why };
  const renameNetns = connection.ownNetns && (netns === undefined || observed.netns.get(name) !== netns);
  const lost = lostOf(record, addresses);
  const moves = isMoving(record, addresses);
  const relink = fault?.cure === 'repair' || moves;
  const reasons = [
    renameNetns ? ['its namespace has lost its name'] : [],
    moves ? [`its addresses change from ${addressText(lost)} to ${addressText(addresses)}`] : [],
    fault?.cure === 'repair' ? fault.why : [],
  ].flat();
  const why = reasons.join(', ');
  if (why !== '')
    return { kind: 'repair', name, addresses, spec, pid, ...fromField(lost), renameNetns, relink, why };
  return { kind: 'keep', name, addresses, spec, pid, ...(fault === undefined ? {} : { lack: fault.why }) };
}

function isMoving(record: ContainerRecord, addresses: ByFamily<string>): boolean {
  const held = addressesOf(record);
  return FAMILIES.some((family) => held[family] !== addresses[family]) || record.movedFrom !== undefined;
}

/** What it has to give up. */
function lostOf(record: ContainerRecord | undefined, addresses: ByFamily<string>): ByFamily<string> {
  const held = record === undefined ? {} : addressesOf(record);
  return {
    ...record?.movedFrom,
    ...mapFamilies(held, (one, family) => (one === addresses[family] ? undefined : one)),
  };
}

function fromField(lost: ByFamily<string>): { readonly from?: ByFamily<string> } {
  return entriesOf(lost).length === 0 ? {} : { from: lost };
}

/** `10.10.1.2 and fd00:10:0:1::2` */
export function addressText(addresses: ByFamily<string>): string {
  const all = entriesOf(addresses).map(([, address]) => address);
  return all.length === 0 ? 'none' : all.join(' and ');
}

function faultsOf(specs: readonly ContainerSpec[]): ReadonlyMap<ContainerSpec, unknown> {
  const faults = new Map<ContainerSpec, unknown>();
  const seen = new Set<string>();
  for (const spec of specs) {
    try {
      checkSpec(spec);
      if (seen.has(spec.name))
        throw new CausewayError('conflict', `container ${spec.name}: this host is given it twice`);
      seen.add(spec.name);
    } catch (error) {
      faults.set(spec, error);
    }
  }
  return faults;
}
