// Bundles each program into one file under dist/bin. Bundles start faster than module trees and can be copied
// to a host as they are: dist/ is all that a host needs besides node.
import { cpSync, mkdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
process.chdir(root);
const { version } = JSON.parse(readFileSync('package.json', 'utf8'));

const programs = {
  'causeway-controller': 'controller/src/main.ts',
  'causeway-agent': 'node-agent/src/main.ts',
  svcctl: 'svcctl/src/main.ts',
  lab: 'deploy/lab/src/main.ts',
  'rules-page': 'deploy/lab/src/rules-page/main.ts',
  bench: 'test/bench/main.ts',
  'bench-kernel': 'test/bench/network-kernel-inside.ts',
  'bench-containers': 'test/bench/containers-inside.ts',
  'bench-policies': 'test/bench/containers-policies-inside.ts',
  'bench-services': 'test/bench/services-kernel-inside.ts',
  'bench-services-agent': 'test/bench/services-agent-inside.ts',
  'bench-services-beside': 'test/bench/services-cluster-beside.ts',
  'bench-services-hosts': 'test/bench/services-cluster-hosts-inside.ts',
  vm: 'test/vm/main.ts',
  'vm-inside': 'test/vm/inside.ts',
};

mkdirSync('dist/bin', { recursive: true });
await build({
  entryPoints: Object.entries(programs).map(([out, entry]) => ({ in: entry, out })),
  outdir: 'dist/bin',
  outExtension: { '.js': '.cjs' },
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node20',
  banner: { js: '#!/usr/bin/env node' },
  define: { CAUSEWAY_VERSION: JSON.stringify(version) },
  logLevel: 'warning',
});
// etcd3 reads `../proto/rpc.proto` from beside its own code at run time.
cpSync('node_modules/etcd3/proto', 'dist/proto', { recursive: true });
