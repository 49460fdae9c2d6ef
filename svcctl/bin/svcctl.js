#!/usr/bin/env node
import { existsSync } from 'node:fs';

const program = new URL('../../dist/bin/svcctl.cjs', import.meta.url);
if (existsSync(program)) await import(program.href);
else {
  console.error('svcctl: the program is not built yet: run `npm run build` first');
  process.exitCode = 1;
}
