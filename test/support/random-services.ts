import type { ServiceInput } from '@causeway/shared/model/service-input';
import { FAMILIES, type Family } from '@causeway/shared/net/family';

/** Pseudo-random numbers by mulberry32: the same seed, the same numbers. */
export interface Chance {
  /** 0 ≤ n < below */
  below(below: number): number;
  /** True once in so many times. */
  oneIn(n: number): boolean;
  of<T>(all: readonly T[]): T;
  /** Each of them as likely in as out. */
  some<T>(all: readonly T[]): T[];
}

export function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n: number) => Math.floor(next() * n);
  return {
    below,
    oneIn: (n) => below(n) === 0,
    of: (all) => {
      const found = all[below(all.length)];
      if (found === undefined) throw new Error('nothing to choose from');
      return found;
    },
    some: (all) => all.filter(() => below(2) === 0),
  };
}

/** Every service has ports of its own on the endpoints, so that an answer tells whose endpoint gave it. */
export const FIRST_PORT = 20_000;
const PORTS_EACH = 2;

/** First and number of the ports on which endpoints of so many services listen. */
export function portsFor(services: number): readonly [first: number, count: number] {
  return [FIRST_PORT, services * PORTS_EACH];
}

export function serviceName(slot: number): string {
  return `s-${slot}`;
}

/** Whether chance made a service of this name. */
export function isOfSlot(name: string): boolean {
  return /^s-\d+$/.test(name);
}

/** What a definition may name. */
export interface Places {
  readonly containers: readonly string[];
  /** Registered at the moment. */
  readonly workloads: readonly string[];
  addressOf(container: string, family: Family): string;
}

/** Labels of workloads and containers that come and go. */
export const LABELS = [{ app: 'a' }, { app: 'b' }, { app: 'a', tier: 'x' }, { app: 'b', tier: 'x' }] as const;
const SELECTORS = [{ app: 'a' }, { app: 'b' }, { tier: 'x' }, { app: 'a', tier: 'x' }, { app: 'none' }];
/** Some leave out most clients. */
const RANGES = [
  ['10.10.0.0/16', 'fd00:10::/48'],
  ['192.168.122.0/24'],
  ['fd00:10::/48'],
  ['10.10.0.0/16', '192.168.122.11/32', '203.0.113.0/24'],
];
/** So few services remember their clients: each of them is hundreds of elements. */
const AFFINE_EVERY = 100;
const RANGES_EVERY = 12;

/** A definition by chance. What tells one slot from the others — VIP, NodePort, target ports — is the slot's own. */
export function randomService(slot: number, chance: Chance, places: Places): ServiceInput {
  const families = chance.of([['ipv4'], ['ipv6'], [...FAMILIES], [...FAMILIES]] as Family[][]);
  const vip = chance.oneIn(3) ? families.map((family) => fixedVip(slot, family)) : 'auto';
  const endpoints = chance
    .some([...places.containers, ...places.workloads])
    .slice(0, 5)
    .map((name) => randomEndpoint(name, families, chance, places));
  return {
    name: serviceName(slot),
    ...(typeof vip === 'string' ? { vip: chance.oneIn(12) ? 'none' : 'auto', families } : { vip }),
    ports: portsOf(slot, chance),
    endpoints,
    ...(chance.oneIn(4) ? { selector: { ...chance.of(SELECTORS) } } : {}),
    ...(slot % AFFINE_EVERY === 0 && chance.oneIn(2) ? { affinity: 'client' } : {}),
    ...(slot % RANGES_EVERY === 0 && chance.oneIn(2) ? { sourceRanges: [...chance.of(RANGES)] } : {}),
    ...(chance.oneIn(5) ? { internalPolicy: 'local' } : {}),
    ...(chance.oneIn(5) ? { externalPolicy: 'local' } : {}),
    ...(chance.oneIn(10) ? { publishNotReady: true } : {}),
  };
}

export function randomEndpoint(name: string, families: readonly Family[], chance: Chance, places: Places) {
  const family = families[0];
  const isAddress = places.containers.includes(name) && family !== undefined && chance.oneIn(4);
  const to = isAddress ? places.addressOf(name, family) : name;
  return {
    to,
    ...(chance.oneIn(2) ? { weight: randomWeight(chance) } : {}),
    ...(chance.oneIn(8) ? { drain: true } : {}),
  };
}

export function randomWeight(chance: Chance): number {
  return chance.of([0, 1, 1, 1, 2, 2, 3, 4]);
}

function fixedVip(slot: number, family: Family): string {
  return family === 'ipv4' ? `10.97.${slot >> 8}.${(slot & 255) + 1}` : `fd00:97::${(slot + 1).toString(16)}`;
}

function portsOf(slot: number, chance: Chance): ServiceInput['ports'] {
  const first = FIRST_PORT + slot * PORTS_EACH;
  const nodePort = chance.oneIn(2)
    ? {}
    : { nodePort: slot < 80 && chance.oneIn(2) ? 30_000 + slot : ('auto' as const) };
  const main = { name: 'main', port: 80, targetPort: first, ...nodePort };
  if (!chance.oneIn(3)) return [main];
  const protocol = chance.of(['tcp', 'udp', 'udp', 'sctp'] as const);
  return [main, { name: 'more', protocol, port: chance.of([81, 443]), targetPort: first + 1 }];
}
