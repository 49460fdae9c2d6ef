import { CausewayError } from '@causeway/shared/errors';
import { openLab } from '../lab.ts';
import { liveLabs, sweep } from '../state.ts';

/** `lab down`. With nothing up it only removes what dead labs left behind. */
export async function down(options: { readonly name?: string; readonly all?: boolean }): Promise<number> {
  await sweep();
  const live = liveLabs().filter((state) => state.initPid !== undefined);
  const detached = live.filter((state) => state.lifetime === 'detached');
  const named = live.filter((state) => state.name === options.name);
  if (options.name !== undefined && named.length === 0) {
    const others = live.map((state) => state.name).join(', ') || 'none';
    throw new CausewayError('not-found', `no lab ${JSON.stringify(options.name)} is up; up are: ${others}`);
  }
  const chosen = options.all ? live : options.name === undefined ? detached.slice(0, 1) : named;
  const [attached] = live;
  if (chosen.length === 0 && attached === undefined) console.error('no lab is up');
  else if (chosen.length === 0)
    console.error(
      `lab ${attached?.name} stays up: it goes down with the program that brought it up (Ctrl-C there), ` +
        `or by npm run lab -- down --name ${attached?.name}`,
    );
  for (const { name } of chosen) {
    await openLab(name).down();
    console.error(`lab ${name} is down`);
  }
  return 0;
}
