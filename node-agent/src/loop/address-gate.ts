import { isDeepStrictEqual } from 'node:util';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import { policiesOf } from '@causeway/shared/desired/policies';
import { publishedOf } from '@causeway/shared/desired/published';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ContainerAddresses, LocalContainers } from '@causeway/shared/model/local-containers';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { FAMILIES } from '@causeway/shared/net/family';
import type { BuiltSnapshot } from '@causeway/shared/store/snapshot';
import type { AddressGate } from '../containers/gate.ts';

/** What stands between the containers and the loop: rules first, addresses after. */
export interface RuleGate extends AddressGate {
  /** What the host had when the agent started. */
  seed(all: readonly ContainerAddresses[]): void;
  /** The containers that are here by this snapshot. The same object while they are the same. */
  local(built: Pick<BuiltSnapshot, 'unknownPolicies'> & { readonly snapshot: Snapshot }): LocalContainers;
  /** A round for these containers has ended. */
  settled(local: LocalContainers, round: RoundEnd): void;
  /** Who is told, until the next one. */
  listen(listener: GateListener): void;
}

export interface RoundEnd {
  readonly firewallHeld: boolean;
  /** Why the kernel does not hold the rules, if so. */
  readonly reason?: string;
}

export interface GateListener {
  /** There are other addresses: a round is due. */
  onAddresses(): void;
  /** The kernel takes rules again that it had refused. */
  onHeld(): void;
}

/** A kernel that has not answered after this time is not waited for, milliseconds. */
const MOST_MS = 10_000;
const NOBODY: GateListener = { onAddresses: () => undefined, onHeld: () => undefined };

type Refusals = ReadonlyMap<string, string>;
/** What the kernel is to hold for the containers. The same objects for as long as nothing of it changes. */
type Rules = readonly (FirewallIntent['policies'] | FirewallIntent['published'])[];

export function createRuleGate(mostMs = MOST_MS): RuleGate {
  let listener = NOBODY;
  let addresses: readonly ContainerAddresses[] = [];
  let known: { readonly snapshot: Snapshot; readonly unknownPolicies: readonly string[] } | undefined;
  let specs: readonly ContainerSpec[] = [];
  let local: LocalContainers = { specs, addresses };
  /** Of those that are here, also when etcd has them no more. */
  const definitions = new Map<string, ContainerSpec>();
  /** Undefined: not known. */
  let held: Rules | undefined;
  let refusal: string | undefined;
  const waiting = new Set<() => void>();

  function take(next: readonly ContainerAddresses[]): void {
    if (isDeepStrictEqual(next, addresses)) return;
    addresses = next;
    relocate();
  }
  function relocate(): void {
    const wanted = known?.snapshot.containers ?? [];
    for (const spec of wanted) definitions.set(spec.name, spec);
    const names = new Set(wanted.map(({ name }) => name));
    const left = addresses.flatMap(({ name }) => (names.has(name) ? [] : (definitions.get(name) ?? [])));
    const here = new Set([...names, ...addresses.map(({ name }) => name)]);
    for (const name of definitions.keys()) if (!here.has(name)) definitions.delete(name);
    const all = left.length === 0 ? wanted : [...wanted, ...new Set(left)].sort(byName);
    specs = all.length === specs.length && all.every((one, i) => one === specs[i]) ? specs : all;
    if (local.specs !== specs || local.addresses !== addresses) local = { specs, addresses };
  }
  function rules(): Rules | undefined {
    if (known === undefined) return undefined;
    const policies = policiesOf(known.snapshot, local).byFamily;
    const published = publishedOf(known.snapshot.containers, addresses).byFamily;
    return FAMILIES.flatMap((family) => [policies[family], published[family]]);
  }
  function isHeld(): boolean {
    const wanted = rules();
    return wanted !== undefined && held !== undefined && wanted.every((one, i) => one === held?.[i]);
  }
  /** Those that no policy means go ahead: ports of the host that lead nowhere yet are no danger. */
  function refusals(): Refusals {
    const found = new Map<string, string>();
    const [unknown] = known?.unknownPolicies ?? [];
    const closed = new Set(FAMILIES.flatMap((family) => subjectsOf(known, local, family)));
    for (const { name, addresses: own } of addresses) {
      const isMeant = FAMILIES.some((family) => closed.has(own[family] ?? ''));
      if (unknown !== undefined)
        found.set(
          name,
          `policy ${unknown} cannot be read, so nobody knows whom container ${name} may speak to`,
        );
      else if (isMeant && !isHeld())
        found.set(
          name,
          `the rules of its policies are not in the kernel: ${refusal ?? 'it has not answered'}`,
        );
    }
    return found;
  }

  return {
    seed: take,
    listen: (next) => {
      listener = next;
    },
    local: (built) => {
      const { snapshot, unknownPolicies } = built;
      if (known?.snapshot.containers === snapshot.containers) known = { snapshot, unknownPolicies };
      else {
        known = { snapshot, unknownPolicies };
        relocate();
      }
      return local;
    },
    settled: (of, { firewallHeld, reason }) => {
      if (of !== local) return;
      const wasRefused = refusal !== undefined;
      held = firewallHeld ? rules() : undefined;
      refusal = firewallHeld ? undefined : (reason ?? 'they were not taken');
      for (const done of waiting) done();
      if (wasRefused && firewallHeld) listener.onHeld();
    },
    announce: async (all) => {
      const before = addresses;
      take(all);
      // What was refused is tried again by the loop, in its own time.
      const isTold = before === addresses && refusal !== undefined;
      if (!isHeld() && !isTold) {
        const settled = until(waiting, mostMs);
        listener.onAddresses();
        await settled;
      }
      return refusals();
    },
  };
}

function subjectsOf(
  known: { readonly snapshot: Snapshot } | undefined,
  local: LocalContainers,
  family: (typeof FAMILIES)[number],
): readonly string[] {
  if (known === undefined) return [];
  return policiesOf(known.snapshot, local).byFamily[family].flatMap(({ subjects }) => subjects);
}

/** Resolves with the next that happens, and after the longest time. */
function until(waiting: Set<() => void>, mostMs: number): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiting.delete(done);
      resolve();
    };
    const timer = setTimeout(done, mostMs);
    waiting.add(done);
  });
}

function byName(a: ContainerSpec, b: ContainerSpec): number {
  return a.name < b.name ? -1 : Number(a.name > b.name);
}
