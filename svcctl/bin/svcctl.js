#!/usr/bin/env node
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

// `require`, not `import`: node would first read the whole bundle for its exports, which takes 50 ms.
const program = new URL('../../dist/bin/svcctl.cjs', import.meta.url);
if (existsSync(program)) createRequire(import.meta.url)(fileURLToPath(program));
else {
  console.error('svcctl: the program is not built yet: run `npm run build` first');
  process.exitCode = 1;
}
