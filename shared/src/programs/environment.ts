import { accessSync, constants } from 'node:fs';
import { join } from 'node:path';

/** An ordinary user's PATH on Debian lacks the directories of runc, nft and ip. */
const SEARCH_PATH = [process.env.PATH, '/usr/local/sbin', '/usr/sbin', '/sbin'].filter(Boolean).join(':');

/** What a program finds besides this process's own variables: the C locale, the search path, and what it is given. */
export function environment(given: Readonly<Record<string, string | undefined>> = {}) {
  return { LC_ALL: 'C', PATH: SEARCH_PATH, ...given };
}

/** @returns where a program is found that is started by its name; undefined: nowhere */
export function pathOf(program: string): string | undefined {
  return SEARCH_PATH.split(':')
    .map((directory) => join(directory, program))
    .find(isExecutable);
}

/** Whether a program is found. Looked up each time: others' packages bring programs, and take them away again. */
export function isInstalled(program: string): boolean {
  return pathOf(program) !== undefined;
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
