import { messageOf } from '@causeway/shared/errors';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { policyValues } from '@causeway/shared/store/snapshot';
import type { HostFiles } from '../host-files.ts';
import type { Logger } from '../logger.ts';

/**
 * Notes on disk what policies say, so that one whose key cannot be read holds over a restart of the agent, too.
 *
 * @param isEmpty whether nothing is noted there yet: a host that never had a policy notes none
 * @returns to be called with each snapshot; only what is another object than before is written, one write at a time
 */
export function policyMemory(
  files: Pick<HostFiles, 'rememberPolicies'>,
  log: Logger,
  isEmpty: boolean,
): (snapshot: Snapshot) => void {
  let noted: Pick<Snapshot, 'policies' | 'policyPeers'> | undefined;
  let last = Promise.resolve();
  return (snapshot) => {
    const { policies, policyPeers } = snapshot;
    if (isEmpty && noted === undefined && policies.length === 0) return;
    if (noted?.policies === policies && noted.policyPeers === policyPeers) return;
    noted = snapshot;
    last = last.then(async () => {
      // Of several that wait, the last is written.
      if (noted !== snapshot) return;
      await files.rememberPolicies(policyValues(snapshot)).catch((error: unknown) => {
        log.warn({ reason: messageOf(error) }, 'policies could not be noted on disk');
      });
    });
  };
}
