import { messageOf } from '@causeway/shared/errors';
import type { ImageHolder } from '@causeway/shared/model/image';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store } from '@causeway/shared/store/store';
import type { Logger } from '../logger.ts';
import { createTurns } from '../loop/turns.ts';

/** Keeps in etcd which images this host holds whole, so that others know whom to ask. */
export interface HolderRecord {
  /** The images are others, what was written is gone, or may be. */
  again(): void;
  stop(): Promise<void>;
}

export interface HolderDeps {
  readonly host: string;
  readonly held: () => Promise<readonly string[]>;
  readonly store: Store;
  /** What says that this host is alive; the record goes with it. */
  readonly liveness: () => LeaseHandle;
  /** That the sign of life is this agent's own. */
  readonly alive: Guard;
  readonly log: Logger;
}

const RETRY_MS = 1_000;

/** A host that has never held an image writes none. */
export function createHolderRecord({ host, held, store, liveness, alive, log }: HolderDeps): HolderRecord {
  let isNeeded = false;
  const turns = createTurns(async () => {
    try {
      const digests = await held();
      isNeeded ||= digests.length > 0;
      if (!isNeeded) return;
      const lease = liveness();
      const value = encode({ node: host, digests } satisfies ImageHolder);
      const { ok } = await store.transaction([alive], [{ put: keys.imageHolder(host), value, lease }]);
      if (!ok) throw new Error("the sign of life in etcd is not this agent's");
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'which images this host holds could not be written');
      turns.wake(RETRY_MS);
    }
  });
  turns.wake();
  return { again: () => turns.wake(), stop: () => turns.stop() };
}
