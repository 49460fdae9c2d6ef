import { CausewayError } from '@causeway/shared/errors';
import { buildLab } from './build.ts';
import { clusterOf } from './cluster.ts';
import type { Lab } from './handle.ts';
import type { LabOptions } from './options.ts';
import { liveLab } from './state.ts';

export type { AgentStart, ExecOptions, Lab, LabContainer } from './handle.ts';
export type { LabOptions } from './options.ts';

/**
 * Brings up a lab. When that fails, nothing is left behind.
 *
 * @throws CausewayError `invalid` for a bad option, `conflict` when the name is in use, else what went wrong with
 *   the end of the log that tells why
 */
export async function createLab(options: LabOptions = {}): Promise<Lab> {
  return buildLab(options);
}

/** @throws CausewayError `not-found` when no lab of that name is up */
export function openLab(name: string): Lab {
  const found = liveLab(name);
  if (found === undefined)
    throw new CausewayError('not-found', `looking for the lab ${JSON.stringify(name)}: it is not up`);
  return clusterOf(found.state, found.directory);
}
