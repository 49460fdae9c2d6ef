import { existsSync } from 'node:fs';
import { invalid } from '@causeway/shared/errors';
import { aroundOf } from '../cluster.ts';
import type { Lab } from '../lab.ts';
import { environmentInside, runThrough } from '../process.ts';
import { liveLab } from '../state.ts';
import { whichLab } from './which.ts';

/** `lab exec`: output, input and exit code are the command's own. */
export async function exec(
  host: string,
  argv: readonly string[],
  options: { readonly name?: string },
): Promise<number> {
  const [program = ''] = argv;
  if (program.startsWith('-')) throw invalid('command', program, 'is an option: write those before the host');
  const lab = whichLab(options.name);
  return runThrough(lab.enter(host, argv), inLab(lab));
}

/** `lab shell`: the machine's name as prompt. */
export async function shell(host: string, options: { readonly name?: string }): Promise<number> {
  const lab = whichLab(options.name);
  const argv = existsSync('/bin/bash') ? ['/bin/bash', '--norc', '--noprofile', '-i'] : ['/bin/sh', '-i'];
  return runThrough(lab.enter(host, argv), { ...inLab(lab), PS1: `${host}# ` });
}

function inLab(lab: Lab): NodeJS.ProcessEnv {
  const found = liveLab(lab.name);
  if (found === undefined) return process.env;
  return { ...process.env, ...environmentInside(aroundOf(found.state.settings, found.directory)) };
}
