import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { afterAll, beforeAll } from 'vitest';

/** A program of one file, so that a test can run it wherever it likes: in other namespaces, as another process. */
export interface Bundle {
  readonly path: string;
}

/** What is bundled: a file, or lines of TypeScript in a folder. */
export type Source = URL | { readonly lines: string; readonly in: URL };

/** Bundles a program before a file's tests, and removes it after them. */
export function useBundle(source: Source): Bundle {
  let folder: string | undefined;
  const pathIn = (at: string) => join(at, 'bin', 'program.cjs');
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'causeway-bundle-'));
    const what =
      source instanceof URL
        ? { entryPoints: [fileURLToPath(source)] }
        : {
            stdin: {
              contents: source.lines,
              resolveDir: fileURLToPath(source.in),
              loader: 'ts' as const,
            },
          };
    const { metafile } = await build({
      ...{
        ...what,
        outfile: pathIn(folder),
        bundle: true,
        platform: 'node',
        logLevel: 'error',
        metafile: true,
      },
    });
    // etcd3 reads what it says from files beside the program.
    const proto = fileURLToPath(new URL('../../node_modules/etcd3/proto', import.meta.url));
    if (Object.keys(metafile.inputs).some((input) => input.includes('node_modules/etcd3/')))
      cpSync(proto, join(folder, 'proto'), { recursive: true });
  });
  afterAll(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });
  return {
    get path() {
      if (folder === undefined) throw new Error('the program is not bundled yet');
      return pathIn(folder);
    },
  };
}
