import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchContainers, benchContainersStart } from './containers.ts';
import { benchContainersPolicies } from './containers-policies.ts';
import { benchNetwork } from './network.ts';
import { type Row, tableOf } from './row.ts';
import { benchServices } from './services.ts';
import { benchServicesAgent } from './services-agent.ts';
import { benchServicesCluster } from './services-cluster.ts';
import { benchServicesKernel } from './services-kernel.ts';
import { benchSvcctl } from './svcctl.ts';

/**
 * `npm run bench -- NAME [--json FILE]`: measures, prints a table, writes the same as JSON (to `dist/bench-NAME.json`
 * unless it is told another file), and ends with 1 when a bar is missed.
 */
const BENCHES: Readonly<Record<string, () => Promise<Row[]>>> = {
  containers: benchContainers,
  'containers-policies': benchContainersPolicies,
  'containers-start': benchContainersStart,
  network: benchNetwork,
  services: benchServices,
  'services-agent': benchServicesAgent,
  'services-cluster': benchServicesCluster,
  'services-kernel': benchServicesKernel,
  svcctl: benchSvcctl,
};

async function main(): Promise<number> {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' } },
  });
  const [name = ''] = positionals;
  const bench = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
  if (bench === undefined || positionals.length !== 1) {
    console.error(`bench ${JSON.stringify(name)} is none of ${Object.keys(BENCHES).join(', ')}`);
    return 2;
  }
  const rows = await bench();
  console.log(tableOf(rows));
  const file = values.json ?? join(__dirname, '..', `bench-${name}.json`);
  writeFileSync(file, `${JSON.stringify(rows, null, 2)}\n`);
  console.error(`the same as JSON: ${file}`);
  return rows.every((row) => row.holds) ? 0 : 1;
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  },
);
