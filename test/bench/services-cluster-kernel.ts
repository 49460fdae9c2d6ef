import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '@causeway/lab/lab';
import { NFT_TABLE } from '@causeway/shared/names';

/** What one host's kernel does with new connections, by what `nft monitor` tells: one state after each transaction. */
export interface KernelView {
  /** Resolves with the moment (`performance.now`) of the transaction after which the VIP leads exactly there. */
  holds(vip: string, targets: readonly string[]): Promise<number>;
  /** Transactions so far. */
  readonly transactions: number;
  close(): void;
}

export interface KernelListener {
  /** After each transaction, for each VIP that it touched. */
  onState(vip: string, targets: readonly string[]): void;
  /** The monitor missed something, or has ended. */
  onLost(reason: string): void;
}

/** Map of the buckets by verdict; targets by map and bucket. */
interface Service {
  map: string;
  readonly targets: Map<string, Map<string, string>>;
}

interface Waiting {
  readonly targets: string;
  readonly resolve: (at: number) => void;
}

const ELEMENT = new RegExp(
  `^(add|delete) element ip ${NFT_TABLE} (\\S+) \\{ (\\S+) \\. tcp \\. \\d+(.*) \\}$`,
);
const MAP_GONE = new RegExp(`^delete (?:set|map) ip ${NFT_TABLE} (services|pick\\d+)$`);

/** @param services what the kernel holds at this moment: VIPs with two endpoints of one weight each */
export async function watchKernel(
  lab: Lab,
  host: string,
  services: ReadonlyMap<string, readonly string[]>,
  listener: KernelListener,
): Promise<KernelView> {
  const state = new Map([...services].map(([vip, targets]) => [vip, first(targets)]));
  const waiting = new Map<string, Waiting[]>();
  const touched = new Set<string>();
  let transactions = 0;

  function element(verb: string, map: string, vip: string, rest: string): void {
    const service = state.get(vip) ?? { map: '', targets: new Map() };
    state.set(vip, service);
    touched.add(vip);
    if (map === 'services') {
      service.map = verb === 'add' ? (/goto (\S+)$/.exec(rest)?.[1] ?? '') : '';
      return;
    }
    const [bucket = '', target = ''] = rest.slice(' . '.length).split(' : ');
    const buckets = service.targets.get(map) ?? new Map<string, string>();
    service.targets.set(map, buckets);
    if (verb === 'add') buckets.set(bucket, target);
    else buckets.delete(bucket);
  }

  /** It takes its elements with it without a word of each. */
  function mapGone(map: string): void {
    for (const [vip, service] of state) {
      if (map === 'services') service.map = '';
      const isTouched = map === 'services' || service.targets.delete(map);
      if (isTouched) touched.add(vip);
    }
  }

  function committed(): void {
    const at = performance.now();
    transactions += 1;
    for (const vip of touched) {
      const targets = targetsOf(state.get(vip));
      listener.onState(vip, targets);
      const left = (waiting.get(vip) ?? []).filter((one) => {
        if (one.targets === targets.join()) one.resolve(at);
        return one.targets !== targets.join();
      });
      if (left.length > 0) waiting.set(vip, left);
      else waiting.delete(vip);
    }
    touched.clear();
  }

  function read(line: string): void {
    const found = ELEMENT.exec(line);
    if (found !== null) {
      const [, verb = '', map = '', vip = '', rest = ''] = found;
      if (map === 'services' || map.startsWith('pick')) element(verb, map, vip, rest);
    } else if (line.startsWith('# new generation')) committed();
    else if (line.startsWith('# ERROR')) listener.onLost(line);
    else {
      const map = MAP_GONE.exec(line)?.[1];
      if (map !== undefined) mapGone(map);
    }
  }

  const child = lab.spawn(host, ['nft', 'monitor']);
  let closed = false;
  child.on('exit', () => {
    if (!closed) listener.onLost(`nft monitor on ${host} has ended`);
  });
  child.stderr.on('data', (chunk) => console.error(`nft monitor on ${host}: ${chunk}`));
  createInterface({ input: child.stdout }).on('line', read);
  await listens(lab, host, () => transactions);
  return {
    holds: (vip, targets) =>
      new Promise((resolve) => {
        waiting.set(vip, [...(waiting.get(vip) ?? []), { targets: targets.join(), resolve }]);
      }),
    get transactions() {
      return transactions;
    },
    close: () => {
      closed = true;
      child.kill('SIGKILL');
    },
  };
}

function first(targets: readonly string[]): Service {
  const buckets = new Map(targets.map((target, i) => [String(i), target]));
  return { map: 'pick2', targets: new Map([['pick2', buckets]]) };
}

function targetsOf(service: Service | undefined): readonly string[] {
  return [...(service?.targets.get(service.map)?.values() ?? [])].sort();
}

/**
 * It says nothing when it begins to listen: until it does, something happens that it must tell. Each time later, since it
 * reads all that the kernel holds first, and begins anew when that changes meanwhile.
 */
async function listens(lab: Lab, host: string, heard: () => number): Promise<void> {
  for (let pauseMs = 500; heard() === 0; pauseMs *= 2) {
    if (pauseMs > 60_000) throw new Error(`nft monitor on ${host} tells nothing`);
    await sleep(pauseMs);
    await lab.exec(host, ['sh', '-c', 'nft add table inet bench; nft delete table inet bench']);
    await sleep(100);
  }
}
