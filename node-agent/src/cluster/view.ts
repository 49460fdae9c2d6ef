import { keys } from '@causeway/shared/store/keys';
import { type BuiltSnapshot, type SnapshotInput, snapshotBuilder } from '@causeway/shared/store/snapshot';
import type { PrefixState, Store } from '@causeway/shared/store/store';

export type Part = keyof SnapshotInput;

const PREFIXES: Readonly<Record<Part, string>> = {
  network: keys.networkPrefix,
  services: keys.servicePrefix,
  containers: keys.containerPrefix,
  policies: keys.policyPrefix,
  settings: keys.settings,
};
const PARTS = Object.keys(PREFIXES) as readonly Part[];

export interface ClusterView {
  /** @returns undefined until every part has been read once */
  read(): BuiltSnapshot | undefined;
  /** Whether every part has been read and is being followed. */
  isWhole(): boolean;
  close(): void;
}

export interface ViewListener {
  /** A part was read anew. Called for every part, also before all have been read. */
  onChange(part: Part): void;
  onConnection(connected: boolean, reason: string): void;
}

/**
 * Everything that this host needs to know of the cluster, kept up to date; the last state stays when etcd is away.
 *
 * @param policies as they could be read in an earlier life
 */
export function watchCluster(
  store: Store,
  nodeName: string,
  listener: ViewListener,
  policies?: ReadonlyMap<string, string>,
): ClusterView {
  const states: Partial<Record<Part, PrefixState>> = {};
  const build = snapshotBuilder(nodeName, policies);
  const broken = new Set<Part>();
  /** Of the states as they are; undefined: to be built. */
  let built: BuiltSnapshot | undefined;

  const connection = (part: Part, connected: boolean, reason: string) => {
    const before = broken.size;
    if (connected) broken.delete(part);
    else broken.add(part);
    if ((before === 0) !== (broken.size === 0)) listener.onConnection(broken.size === 0, reason);
  };
  const watches = PARTS.map((part) =>
    store.watchPrefix(PREFIXES[part], {
      onState: (state) => {
        states[part] = state;
        built = undefined;
        listener.onChange(part);
      },
      onConnection: (connected, reason) => connection(part, connected, reason),
    }),
  );
  return {
    read: () => {
      const input = whole(states);
      if (input !== undefined) built ??= build(input);
      return built;
    },
    isWhole: () => broken.size === 0 && whole(states) !== undefined,
    close: () => {
      for (const watch of watches) watch.close();
    },
  };
}

/** The same, read once. @throws CausewayError `unreachable` */
export async function readCluster(store: Store, nodeName: string): Promise<BuiltSnapshot> {
  const read = async (part: Part): Promise<PrefixState> => {
    const { items, revision } = await store.list(PREFIXES[part]);
    return { items: new Map(items.map((kv) => [kv.key, kv])), revision };
  };
  const [network, services, containers, policies, settings] = await Promise.all([
    read('network'),
    read('services'),
    read('containers'),
    read('policies'),
    read('settings'),
  ]);
  return snapshotBuilder(nodeName)({ network, services, containers, policies, settings });
}

function whole(states: Partial<Record<Part, PrefixState>>): SnapshotInput | undefined {
  const { network, services, containers, policies, settings } = states;
  if (!network || !services || !containers || !policies || !settings) return undefined;
  return { network, services, containers, policies, settings };
}
