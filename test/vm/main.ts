import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { kernelOf } from './kernels.ts';
import { CGROUPS, type Cgroups, runInMachine } from './machine.ts';

/**
 * `npm run test:vm -- [v1] [hybrid] [v2] [--kernel FILE --modules FOLDER]`: what an agent does with all the powers of root on
 * a real kernel, on machines with these control groups (all of them); ends with 1 when anything of it fails.
 */
const SCRIPTS = join(__dirname, '../../test/vm');
const PROGRAM = join(__dirname, 'vm-inside.cjs');

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { kernel: { type: 'string' }, modules: { type: 'string' } },
  });
  const kernel = kernelOf(values.kernel, values.modules);
  let code = 0;
  for (const cgroups of positionals.length === 0 ? CGROUPS : positionals.map(asCgroups)) {
    console.log(`== cgroups ${cgroups}, ${kernel.image}`);
    const folder = mkdtempSync(join(tmpdir(), 'causeway-vm-'));
    try {
      const ended = await runInMachine(PROGRAM, kernel, cgroups, { scripts: SCRIPTS, folder });
      console.log(`== cgroups ${cgroups}: ${ended === 0 ? 'passed' : 'failed'}`);
      code = ended === 0 ? code : 1;
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
  return code;
}

function asCgroups(text: string): Cgroups {
  const found = CGROUPS.find((one) => one === text);
  if (found === undefined)
    throw new CausewayError('invalid', `cgroups ${JSON.stringify(text)} is none of ${CGROUPS.join(', ')}`);
  return found;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 2;
  },
);
