import { messageOf } from '@causeway/shared/errors';
import type { NodeReport } from '@causeway/shared/model/node';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { LeaseHandle, Store } from '@causeway/shared/store/store';
import type { Logger } from '../logger.ts';
import { createTurns } from './turns.ts';

export interface Reporter {
  /**
   * Writes the report unless it says the same as the last one; of several that wait, the last is written. At once when
   * the kernel holds other services or policies, for which somebody waits; otherwise about once a second at most.
   */
  report(report: NodeReport): void;
  /** Writes it again even if nothing changed: what was written is gone, or etcd is back. */
  again(): void;
  /** Looks in etcd whether the report is there as it was written, and writes it again if not. */
  verify(): void;
  stop(): Promise<void>;
}

export interface ReporterDeps {
  readonly store: Store;
  /** What the report is written on; it goes when the host is gone for good. */
  readonly lease: () => LeaseHandle;
  readonly log: Logger;
  /** 0 ≤ random() < 1 */
  readonly random?: () => number;
}

const RETRY_MS = 1_000;
/** Between two reports of the network alone, milliseconds: a thousand hosts that join in a row are some reports. */
const NETWORK_MS = 1_000;
/** One change is every host's; they report it spread over this time, milliseconds. */
const SPREAD_MS = 500;

export function createReporter({ store, lease, log, random = Math.random }: ReporterDeps): Reporter {
  let latest: NodeReport | undefined;
  /** The revisions that somebody may wait for. */
  let writtenRevisions = '';
  let writtenAt = Number.NEGATIVE_INFINITY;
  let written = '';
  /** The same, as it is in etcd. */
  let text = '';
  let doubted = false;

  const turns = createTurns(async () => {
    const report = latest;
    if (report === undefined || (contentOf(report) === written && !doubted)) return;
    const key = keys.report(report.name);
    try {
      const isThere = contentOf(report) === written && (await store.get(key))?.value === text;
      doubted = false;
      if (isThere) return;
      const value = encode(report);
      await store.transaction([], [{ put: key, value, lease: lease() }]);
      [written, text] = [contentOf(report), value];
      [writtenRevisions, writtenAt] = [revisionsOf(report), performance.now()];
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'the report could not be written');
      turns.wake(RETRY_MS);
    }
  });
  /** Milliseconds until a report that concerns the network alone may be written. */
  const pause = () => Math.max(0, writtenAt + NETWORK_MS - performance.now()) + random() * SPREAD_MS;

  return {
    report: (report) => {
      latest = report;
      turns.wake(revisionsOf(report) === writtenRevisions ? pause() : 0);
    },
    again: () => {
      written = '';
      turns.wake();
    },
    verify: () => {
      doubted = true;
      turns.wake();
    },
    stop: () => turns.stop(),
  };
}

function revisionsOf({ servicesRevision, policiesRevision }: NodeReport): string {
  return `${servicesRevision} ${policiesRevision}`;
}

/** All that a reader could act on: not when it was written, nor how long the last change took. */
function contentOf({ at: _at, appliedInMs: _took, ...content }: NodeReport): string {
  return JSON.stringify(content);
}
