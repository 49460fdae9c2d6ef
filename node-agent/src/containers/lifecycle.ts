import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ContainerRecord } from './records.ts';

export const OUT_OF_MEMORY = 'the kernel killed a program of it for want of memory';

/** What is known of a container that does not run. */
export interface Ending {
  /** Of its last start; absent: none is remembered. */
  readonly record: ContainerRecord | undefined;
  /** That its monitor has written since the last start; absent: it was killed together with its monitor, as by a reboot. */
  readonly exitCode: number | undefined;
  /** The kernel has killed a program of it for want of memory. */
  readonly outOfMemory: boolean;
  /** The host was started again since. */
  readonly rebooted: boolean;
  /** `specHash` of the definition as it is. */
  readonly hash: string;
}

export type Verdict =
  | { readonly kind: 'start'; readonly why: string; readonly fresh: boolean }
  | { readonly kind: 'rest'; readonly state: 'exited' | 'stopped' };

/**
 * PURE. Whether a container that does not run is started. What its user wants comes first, then what its policy says of how it
 * ended; one that had not ended by itself (the host went down with it) is started whatever its policy.
 */
export function verdict(spec: ContainerSpec, ending: Ending): Verdict {
  const { record, exitCode, rebooted, hash } = ending;
  if (spec.want === 'stopped') return { kind: 'rest', state: 'stopped' };
  if (record === undefined) return { kind: 'start', why: 'it does not run', fresh: true };
  if (record.specHash !== hash) return { kind: 'start', why: 'its definition has changed', fresh: true };
  if ((spec.generation ?? 0) !== (record.generation ?? 0) || record.rests === 'stopped')
    return { kind: 'start', why: 'it was asked to start', fresh: true };
  const ended = exitCode !== undefined || record.rests === 'exited';
  if (!ended && record.process === undefined) return { kind: 'start', why: 'it does not run', fresh: false };
  const policy = spec.restart ?? 'always';
  // An end that nobody saw is no success.
  const failed = exitCode !== 0 && record.rests === undefined;
  const again = policy === 'always' || (policy === 'on-failure' && failed);
  if (again || (!ended && rebooted)) return { kind: 'start', why: endText(ending), fresh: false };
  return { kind: 'rest', state: 'exited' };
}

function endText({ exitCode, outOfMemory, rebooted }: Ending): string {
  const because = outOfMemory ? `: ${OUT_OF_MEMORY}` : '';
  if (exitCode !== undefined) return `it has ended with exit code ${exitCode}${because}`;
  return rebooted ? 'its host was started again' : 'it has ended';
}
