import { CausewayError } from '@causeway/shared/errors';
import { type Lab, openLab } from '../lab.ts';
import { liveLabs } from '../state.ts';

/**
 * The lab that a command means: the one that is named, else the one that was brought up last.
 *
 * @throws CausewayError `not-found`
 */
export function whichLab(name: string | undefined): Lab {
  const live = liveLabs().filter((state) => state.initPid !== undefined);
  const found = name === undefined ? live[0] : live.find((state) => state.name === name);
  if (found !== undefined) return openLab(found.name);
  const others = live.map((state) => state.name).join(', ');
  if (name === undefined || others === '')
    throw new CausewayError('not-found', 'no lab is up; bring one up: npm run lab -- up');
  throw new CausewayError('not-found', `no lab ${JSON.stringify(name)} is up; up are: ${others}`);
}

/**
 * The same for a command that stops something: of several labs it must be named, or it might be somebody else's.
 *
 * @throws CausewayError `not-found`, `invalid`
 */
export function whichLabToStop(name: string | undefined): Lab {
  const live = liveLabs().filter((state) => state.initPid !== undefined);
  if (name !== undefined || live.length < 2) return whichLab(name);
  const names = live.map((state) => state.name).join(', ');
  throw new CausewayError('invalid', `name is missing: several labs are up (${names}), say --name NAME`, {
    field: 'name',
  });
}
