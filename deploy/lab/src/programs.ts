import { chmodSync, copyFileSync, cpSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';

const BUNDLES = ['causeway-controller', 'causeway-agent', 'svcctl'] as const;
export type Program = (typeof BUNDLES)[number];

/**
 * Copies what was built into the lab: a later build does not change what a running lab runs, and root in the lab
 * (who may not read other users' folders) finds it. Commands of their usual names are put beside it.
 *
 * @returns the directory for PATH
 * @throws CausewayError `not-found` when nothing was built
 */
export function installPrograms(directory: string): string {
  const built = findBuilt();
  const bin = join(directory, 'bin');
  mkdirSync(join(directory, 'dist/bin'), { recursive: true });
  mkdirSync(bin);
  const node = nodeFor(directory);
  for (const name of BUNDLES) {
    const bundle = join(directory, `dist/bin/${name}.cjs`);
    copyFileSync(join(built, `bin/${name}.cjs`), bundle);
    writeFileSync(join(bin, name), `#!/bin/sh\nexec '${node}' '${bundle}' "$@"\n`);
    chmodSync(join(bin, name), 0o755);
  }
  cpSync(join(built, 'proto'), join(directory, 'dist/proto'), { recursive: true });
  return bin;
}

/** The nearest `dist/` above the running program, or above the working directory. */
function findBuilt(): string {
  for (const start of [process.argv[1], process.cwd()]) {
    for (let at = start ?? '/'; at !== '/' && at !== '.'; at = dirname(at)) {
      if (existsSync(join(at, 'dist/bin/causeway-agent.cjs'))) return join(at, 'dist');
    }
  }
  throw new CausewayError(
    'not-found',
    'looking for the built programs: there is no dist/bin; run npm run build',
  );
}

/** In the lab, root has no power over other users' files: a node from somebody's home directory is copied. */
function nodeFor(directory: string): string {
  const own = process.execPath;
  if (process.getuid?.() !== 0 || openToRoot(own)) return own;
  const copy = join(directory, 'dist/node');
  copyFileSync(own, copy);
  return copy;
}

function openToRoot(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    const found = statSync(at);
    if (found.uid !== 0 && (found.mode & 1) === 0) return false;
    if (at === '/') return true;
  }
}
