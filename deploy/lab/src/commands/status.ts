import type { ContainerView, NodeView } from '../api.ts';
import { type Place, running } from '../daemons.ts';
import { type Lab, openLab } from '../lab.ts';
import { type LabState, liveLabs } from '../state.ts';

/** What `status -o json` prints of each lab. */
interface LabStatus {
  readonly name: string;
  readonly directory: string;
  readonly lifetime: string;
  readonly startedAt: string;
  readonly dataplane: string;
  readonly network: string;
  readonly networkIpv6?: string;
  readonly backend: string;
  readonly machines: readonly MachineStatus[];
  readonly containers: readonly ContainerLine[];
  /** Why nodes and containers are not known, when they are not. */
  readonly problem?: string;
}

interface MachineStatus {
  readonly name: string;
  readonly address: string;
  /** Programs that run: `controller`, `agent`, `web`, `etcd`. */
  readonly daemons: readonly string[];
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  readonly alive?: boolean;
}

interface ContainerLine {
  readonly name: string;
  readonly host: string;
  readonly state: string;
  readonly address?: string;
}

const DAEMONS = ['etcd', 'controller', 'agent', 'web'];

/** `lab status`: exit code 1 when no lab is up. */
export async function status(options: { readonly name?: string; readonly output: string }): Promise<number> {
  const wanted = liveLabs().filter(
    (state) => state.initPid !== undefined && (options.name === undefined || state.name === options.name),
  );
  const labs = await Promise.all(wanted.map(statusOf));
  if (options.output === 'json') console.log(JSON.stringify({ labs }, null, 2));
  else if (labs.length === 0) console.error('no lab is up; bring one up: npm run lab -- up');
  else console.log(labs.map(text).join('\n\n'));
  return labs.length === 0 ? 1 : 0;
}

async function statusOf(state: LabState): Promise<LabStatus> {
  const lab = openLab(state.name);
  let nodes: readonly NodeView[] = [];
  let containers: readonly ContainerView[] = [];
  let problem: string | undefined;
  try {
    const silent = `no controller runs: npm run lab -- controller start --name ${state.name}`;
    if (!state.settings.bare && running(placeIn(lab, 'host-1'), 'controller') === undefined) problem = silent;
    else if (!state.settings.bare) {
      nodes = await lab.api.list<NodeView>('/v1/nodes');
      containers = await lab.api.list<ContainerView>('/v1/containers');
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const { name, lifetime, startedAt } = state;
  const { dataplane, network, networkIpv6, backend } = state.settings;
  return {
    ...{ name, directory: lab.directory, lifetime, startedAt, dataplane, network, backend },
    ...(networkIpv6 === undefined ? {} : { networkIpv6 }),
    machines: lab.members.map((member) => {
      const node = nodes.find((each) => each.name === member);
      return {
        name: member,
        address: lab.addressOf(member),
        daemons: DAEMONS.filter((daemon) => running(placeIn(lab, member), daemon) !== undefined),
        ...(node === undefined ? {} : { alive: node.alive, ...subnetsOf(node) }),
      };
    }),
    containers: containers.map(({ name, host, status }) => {
      const address = status?.address ?? status?.ipv6Address;
      return { name, host, state: status?.state ?? 'waiting', ...(address === undefined ? {} : { address }) };
    }),
    ...(problem === undefined ? {} : { problem }),
  };
}

function subnetsOf({ subnet, subnetIpv6 }: NodeView): Pick<MachineStatus, 'subnet' | 'subnetIpv6'> {
  return {
    ...(subnet === undefined ? {} : { subnet }),
    ...(subnetIpv6 === undefined ? {} : { subnetIpv6 }),
  };
}

/** Enough of a place to look up what runs there. */
function placeIn({ directory }: Lab, member: string): Place {
  return { directory, init: 0, member, holder: 0, path: [], controller: '', etcd: '' };
}

function text(lab: LabStatus): string {
  const networks = [lab.network, lab.networkIpv6].filter((each) => each !== undefined && each !== 'none');
  const kind = [lab.lifetime, lab.dataplane, lab.backend, ...networks].join(', ');
  const head = `lab ${lab.name} (${kind}) since ${lab.startedAt} in ${lab.directory}`;
  const machines = lab.machines.map(({ name, address, subnet, subnetIpv6, alive, daemons }) => {
    const health = alive === undefined ? '' : alive ? 'alive' : 'NOT ALIVE';
    const subnets = [subnet, subnetIpv6].filter((each) => each !== undefined).join(' ');
    return [name, address, subnets, health, daemons.join(' ')];
  });
  const containers = lab.containers.map(({ name, host, state, address }) => [
    name,
    address ?? '',
    host,
    state,
  ]);
  const parts = [head, table(machines), table(containers), lab.problem ?? ''];
  return parts.filter((part) => part !== '').join('\n');
}

function table(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  return rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd())
    .join('\n');
}
