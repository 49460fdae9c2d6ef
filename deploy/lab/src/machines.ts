import { dirname, join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import { type RunResult, run } from '@causeway/shared/programs/run';
import type { Place } from './daemons.ts';
import type { ExecOptions } from './handle.ts';
import { type HostState, parseState, STATE_SCRIPT } from './host-state.ts';
import { enter } from './namespaces.ts';
import { environmentInside } from './process.ts';

const ANY_CODE = [-1, ...Array(256).keys()];

/** Runs a command on a machine; any exit code is a result. */
export function execOn(place: Place, argv: readonly string[], options: ExecOptions = {}): Promise<RunResult> {
  const [nsenter = '', ...args] = enter(place.holder, argv);
  return run(nsenter, args, {
    ...options,
    okCodes: ANY_CODE,
    env: environmentInside(place),
    doing: `running a command on ${place.member}`,
  });
}

export async function hostState(place: Place): Promise<HostState> {
  const { stdout } = await execOn(place, ['sh', '-c', STATE_SCRIPT]);
  return parseState(stdout);
}

/** svcctl on this machine, told where the lab's controller is. */
export function svcctl(
  directory: string,
  socket: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<RunResult> {
  const bundle = join(directory, 'dist/bin/svcctl.cjs');
  return run(process.execPath, [bundle, ...args], {
    ...options,
    okCodes: ANY_CODE,
    env: { SVCCTL_SERVER: `unix:${socket}` },
    doing: 'running svcctl',
  });
}

/** @throws CausewayError `invalid` when the lab's directory would be hidden from the lab itself */
export function checkVisible(base: string): void {
  for (let at = base; at !== '/' && at !== '.'; at = dirname(at)) {
    if (at !== '/run' && at !== '/var/lib') continue;
    const reason = `CAUSEWAY_LAB_DIR ${JSON.stringify(base)} is under ${at}, of which every host in the lab has its own; name another`;
    throw new CausewayError('invalid', reason, { field: 'CAUSEWAY_LAB_DIR', value: base });
  }
}
