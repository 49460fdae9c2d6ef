import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';
import { median, type Row, rowOf } from './row.ts';
import type { Change, Measured, Pair, Streams } from './services-kernel-inside.ts';

/** Of one host. Only an administrator of the machine may hand the kernel a large rule set whole. */
export const OWN_NAMESPACES = [
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  ...['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'],
];
const TIMEOUT_MS = 900_000;

/** What services cost the kernel of one host, in namespaces of its own. */
export async function benchServicesKernel(): Promise<Row[]> {
  // The program that works inside is bundled too, and lies beside the other programs.
  const program = join(__dirname, 'bench-services.cjs');
  const { stdout } = await run('unshare', [...OWN_NAMESPACES, process.execPath, program], {
    timeoutMs: TIMEOUT_MS,
  });
  const measured: Measured = JSON.parse(stdout);
  return [
    ...measured.fulls.map(fullRow),
    ...changeRows(measured.changes),
    ...layoutRows(measured),
    ...connectionRows(measured.connections),
    throughputRow(measured.throughput.beyond, 'behind a route'),
    throughputRow(measured.throughput.beside, 'on the same bridge, which past a VIP is not even routed'),
  ];
}

function fullRow({ tool, services, ours, alone }: Pair): Row {
  const command = tool === 'nft' ? 'nft -f' : `${tool}-restore`;
  const name = `${tool}: full sync of ${services} services x 2 endpoints (reference: ${command} alone)`;
  return rowOf(name, 'ms', median(ours), median(alone), '<= 1.5 x');
}

/** Beside the same change among few services. */
function changeRows(changes: readonly Change[]): Row[] {
  return changes.flatMap((change) => {
    const few = changes.find(({ tool, services }) => tool === change.tool && services === 1) ?? change;
    const name = `${change.tool}: one endpoint moved, ${change.services} services (reference: 1 service)`;
    // Few lines whatever the size is the bar of nftables; iptables has to be told the place of a rule.
    const limit = change.tool === 'nft' ? '<= 1 x' : 'none';
    return [
      rowOf(`${name}: input`, 'lines', change.lines, few.lines, limit),
      rowOf(`${name}: plan to kernel`, 'ms', median(change.ms), median(few.ms), 'none'),
    ];
  });
}

/** Beside ours of the same size. */
function layoutRows({ chains, fulls, changes }: Measured): Row[] {
  const ours = fulls.find(({ tool, services }) => tool === 'nft' && services === 10_000);
  const legacy = fulls.find(({ tool }) => tool === 'iptables-legacy');
  const moved = changes.find(({ tool, services }) => tool === 'nft' && services === 10_000);
  const legacyMoved = changes.find(({ tool, services }) => tool !== 'nft' && services === 10_000);
  const flat = '(reference: ours, flat maps)';
  const full = median(ours?.ours ?? []);
  const change = median(moved?.ms ?? []);
  return [
    rowOf(`a chain per service and endpoint: full sync of 10000 ${flat}`, 'ms', chains.full, full, 'none'),
    rowOf(`a chain per service and endpoint: one moved ${flat}`, 'ms', median(chains.change), change, 'none'),
    rowOf(`iptables layout: full sync of 10000 ${flat}`, 'ms', median(legacy?.ours ?? []), full, 'none'),
    rowOf(`iptables layout: one moved ${flat}`, 'ms', median(legacyMoved?.ms ?? []), change, 'none'),
  ];
}

function connectionRows(all: Measured['connections']): Row[] {
  return all
    .filter(({ path }) => path === 'vip')
    .flatMap(({ tool, services, us }) => {
      const of = (size: number, path: string) =>
        median(all.find((one) => one.tool === tool && one.services === size && one.path === path)?.us ?? []);
      const what = `${tool}: connection set-up through a VIP, ${services} services`;
      const limit = tool === 'nft' && services > 1 ? '<= 1.1 x' : 'none';
      return [
        rowOf(`${what} (reference: 1 service)`, 'us', median(us), of(1, 'vip'), limit),
        rowOf(`${what} (reference: direct)`, 'us', median(us), of(services, 'direct'), 'none'),
      ];
    });
}

function throughputRow({ vip, direct }: Streams, where: string): Row {
  const name = `TCP, one stream through a VIP among 30000 services to a container ${where} (reference: direct)`;
  return rowOf(name, 'Gbit/s', median(vip), median(direct), '>= 0.95 x');
}
