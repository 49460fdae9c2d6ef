import type { NetworkConfig } from '@causeway/shared/model/network';
import { type Cidr, formatCidr, overlaps, parseAddress, parseCidr, sizeOf } from '@causeway/shared/net/cidr';

/** A subnet that a lease or a claim in etcd names, whoever made it. */
export interface TakenSubnet {
  readonly subnet: string;
  /** Node id; absent in a flannel daemon's lease, and where the value could not be read. */
  readonly ownerId?: string;
  /** Absent where the value could not be read. */
  readonly publicIp?: string;
}

export interface PickInput {
  readonly config: NetworkConfig;
  readonly taken: readonly TakenSubnet[];
  readonly me: { readonly id: string; readonly publicIp: string };
  /** What this host had before, from its own disk. */
  readonly lastSubnet?: string;
  /** 0 ≤ random < 1 */
  readonly random: number;
}

export interface Picked {
  readonly subnet: string;
  /** `own`: leased by this host already; `last`: free, and ours before; `free`: any other. */
  readonly source: 'own' | 'last' | 'free';
}

/** Like flannel, choose among this many free ones, so that hosts that join at once seldom meet. */
const CHOICES = 100;

/**
 * Which subnet this host should lease: its own one, else the one that it had before, else one of the first free.
 * Never one that overlaps somebody else's.
 *
 * @returns undefined when every subnet is taken
 */
export function pickSubnet(input: PickInput): Picked | undefined {
  const range = rangeOf(input.config);
  const others = blocks(input.taken.filter((taken) => !isMine(taken, input.me)));
  const mine = input.taken.filter((taken) => isMine(taken, input.me)).map((taken) => taken.subnet);
  const usable = (subnet: string | undefined): subnet is string => {
    const cidr = subnet === undefined ? undefined : parseCidr(subnet);
    return cidr !== undefined && fits(cidr, range) && !others.touch(cidr);
  };

  const own = [input.lastSubnet, ...mine.toSorted()].find(
    (subnet) => usable(subnet) && mine.includes(subnet),
  );
  if (own !== undefined) return { subnet: own, source: 'own' };
  if (usable(input.lastSubnet)) return { subnet: input.lastSubnet, source: 'last' };
  const free = firstFree(range, others.touch);
  const chosen = free[Math.floor(input.random * free.length)];
  return chosen === undefined ? undefined : { subnet: formatCidr(chosen), source: 'free' };
}

/** By id; a flannel daemon's lease by its address, which is all the identity that flannel has. */
export function isMine(taken: TakenSubnet, me: PickInput['me']): boolean {
  return taken.ownerId === undefined ? taken.publicIp === me.publicIp : taken.ownerId === me.id;
}

interface Range {
  readonly min: number;
  readonly max: number;
  readonly length: number;
}

function rangeOf(config: NetworkConfig): Range {
  const min = parseAddress(config.subnetMin) ?? 0;
  return { min, max: parseAddress(config.subnetMax) ?? -1, length: config.subnetLen };
}

function fits(cidr: Cidr, range: Range): boolean {
  return cidr.length === range.length && cidr.base >= range.min && cidr.base <= range.max;
}

function firstFree(range: Range, isTaken: (cidr: Cidr) => boolean): Cidr[] {
  const free: Cidr[] = [];
  for (let base = range.min; base <= range.max && free.length < CHOICES; base += sizeOf(range.length)) {
    const cidr = { base, length: range.length };
    if (!isTaken(cidr)) free.push(cidr);
  }
  return free;
}

/** Taken blocks may have other lengths than the configured one, from before a change of the configuration. */
function blocks(taken: readonly TakenSubnet[]): { touch(cidr: Cidr): boolean } {
  const parsed = taken.flatMap((one) => parseCidr(one.subnet) ?? []);
  const exact = new Set(parsed.map(formatCidr));
  const lengths = new Set(parsed.map((one) => one.length));
  return {
    touch: (cidr) =>
      exact.has(formatCidr(cidr)) ||
      ([...lengths].some((length) => length !== cidr.length) && parsed.some((one) => overlaps(one, cidr))),
  };
}
