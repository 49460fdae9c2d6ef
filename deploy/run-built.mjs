// Runs one of the built programs, `node deploy/run-built.mjs lab status`, and builds first when what is built is
// missing or older than the source. Nothing of npm or esbuild is loaded when it is not.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const [name = 'lab'] = process.argv.splice(2, 1);

if (stale()) {
  const { status } = spawnSync('sh', [join(root, 'deploy/setup.sh')], { stdio: ['ignore', 2, 'inherit'] });
  if (status !== 0) process.exit(status ?? 1);
}
await import(pathToFileURL(join(root, `dist/bin/${name}.cjs`)).href);

function stale() {
  const built = time(join(root, 'dist/.built'));
  if (built === undefined) return true;
  const sources = ['shared', 'controller', 'node-agent', 'svcctl', 'deploy/lab'].map((each) => `${each}/src`);
  return [...sources, 'test/bench', 'test/vm', 'package-lock.json', 'deploy/build.mjs'].some((path) =>
    newer(join(root, path), built),
  );
}

function newer(path, than) {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) return false;
  if (!found.isDirectory()) return found.mtimeMs > than && !path.endsWith('.test.ts');
  return readdirSync(path).some((entry) => newer(join(path, entry), than));
}

function time(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs;
}
