import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { type Api, apiAt, type ContainerView } from './api.ts';
import { removeCgroups } from './cgroups.ts';
import {
  agentCommand,
  controllerCommand,
  controllerUrl,
  etcdCommand,
  etcdMachines,
  etcdUrls,
} from './command-lines.ts';
import { type Place, startDaemon, stopDaemon } from './daemons.ts';
import type { AgentStart, Lab, LabContainer } from './handle.ts';
import type { HostState } from './host-state.ts';
import { execOn, hostState, svcctl } from './machines.ts';
import { enter } from './namespaces.ts';
import { type ClusterSettings, checkMember, shapeOf } from './options.ts';
import { isAlive, signal, waitGone } from './pids.ts';
import { type Around, environmentInside, spawnPiped } from './process.ts';
import { type Watched, waitContainers, waitReady } from './readiness.ts';
import { type LabState, removeDirectory, SOCKET_IN_LAB, writeState } from './state.ts';
import { members } from './topology.ts';
import { webContainer } from './workloads.ts';

/** Time for the cluster to become whole after a start, milliseconds. */
const READY_TIMEOUT_MS = 30_000;
const DOWN_TIMEOUT_MS = 15_000;

/** What the parts of a lab's handle share. */
interface Wiring {
  readonly directory: string;
  readonly socket: string;
  readonly watched: Watched;
  /** `useDataplane` changes it. */
  state: LabState;
  container(name: string): Promise<LabContainer>;
}

/** The handle on a running lab, from what its `state.json` says. */
export function clusterOf(state: LabState, directory: string): Lab {
  const all = members(shapeOf(state.settings));
  const socket = join(directory, SOCKET_IN_LAB);
  const watched = watchedOf(state, directory);
  const { api } = watched;
  const addressIn = (member: string) => {
    watched.placeOf(member);
    return all.find((each) => each.name === member);
  };
  const containers = async () => (await api.list<ContainerView>('/v1/containers')).flatMap(runningOnly);
  const container = async (name: string) =>
    (await containers()).find((each) => each.name === name) ?? noContainer(name);
  const wiring: Wiring = { directory, socket, watched, state, container };
  const lab: Lab = {
    name: state.name,
    directory,
    hosts: state.hosts,
    members: all.map((member) => member.name),
    network: state.settings.network,
    get dataplane() {
      return wiring.state.settings.dataplane;
    },
    etcd: etcdUrls(state.settings),
    api,
    addressOf: (member) => addressIn(member)?.address ?? '',
    ipv6AddressOf: (member) => addressIn(member)?.ipv6Address ?? '',
    ...commandsOf(wiring),
    ...daemonsOf(wiring),
    ready: (timeoutMs = READY_TIMEOUT_MS) => waitReady(watched, timeoutMs),
    containers,
    addContainer: async (name, host) => {
      await postContainer(api, name, host);
      await waitContainers(watched, READY_TIMEOUT_MS);
      return container(name);
    },
    stateBefore: async (host) => readBefore(watched.placeOf(host)),
    stateOf: async (host) => hostState(watched.placeOf(host)),
    down: () => endLab(state, directory),
  };
  return lab;
}

/** Where each machine's programs are started; refuses a name that is none of the lab's. */
function placesOf(state: LabState, directory: string): (member: string) => Place {
  const names = members(shapeOf(state.settings)).map((member) => member.name);
  const around = aroundOf(state.settings, directory);
  return (member) => {
    checkMember(member, names);
    return { directory, init: state.initPid ?? 0, member, holder: state.members[member] ?? 0, ...around };
  };
}

/** What every machine of a lab finds. */
export function aroundOf(settings: ClusterSettings, directory: string): Around {
  return {
    path: [join(directory, 'bin')],
    controller: controllerUrl(settings),
    etcd: etcdUrls(settings),
  };
}

/** How to ask a running lab whether it is whole. */
export function watchedOf(state: LabState, directory: string): Watched {
  const { network, networkIpv6, far, backend, fallback } = state.settings;
  return {
    api: apiAt(join(directory, SOCKET_IN_LAB)),
    hosts: state.hosts,
    families: [network === 'none' ? undefined : network, networkIpv6].filter((each) => each !== undefined)
      .length,
    partial: far > 0 && backend === 'host-gw' && fallback === undefined,
    placeOf: placesOf(state, directory),
  };
}

function commandsOf(wiring: Wiring): Pick<Lab, 'exec' | 'execInContainer' | 'spawn' | 'enter' | 'svcctl'> {
  const { placeOf } = wiring.watched;
  return {
    exec: async (member, argv, options) => execOn(placeOf(member), argv, options),
    execInContainer: async (name, argv, options) => {
      const { host } = await wiring.container(name);
      return execOn(placeOf(host), [...RUNC_EXEC, name, ...argv], options);
    },
    spawn: (member, argv) => {
      const place = placeOf(member);
      return spawnPiped(enter(place.holder, argv), { ...process.env, ...environmentInside(place) });
    },
    enter: (member, argv) => enter(placeOf(member).holder, argv),
    svcctl: (args, options) => svcctl(wiring.directory, wiring.socket, args, options),
  };
}

type Daemons = 'Controller' | 'Etcd' | 'Agent';

function daemonsOf(wiring: Wiring): Pick<Lab, `${'start' | 'stop'}${Daemons}` | 'useDataplane'> {
  const { placeOf, hosts } = wiring.watched;
  const settings = () => wiring.state.settings;
  const end = async (host: string, name: string, how?: NodeJS.Signals) =>
    stopDaemon(placeOf(host), name, how);
  const beginAgent = async (host: string, { dataplane = settings().dataplane, env }: AgentStart = {}) => {
    await startDaemon(placeOf(host), 'agent', agentCommand({ ...settings(), dataplane }, host), env);
  };
  const etcds = (machine?: string) => (machine === undefined ? etcdMachines(settings()) : [machine]);
  return {
    startController: async () => {
      await startDaemon(placeOf('host-1'), 'controller', controllerCommand(settings()));
    },
    stopController: (how) => end('host-1', 'controller', how),
    startEtcd: async (machine) => {
      await Promise.all(
        etcds(machine).map((each) => startDaemon(placeOf(each), 'etcd', etcdCommand(settings(), each))),
      );
    },
    stopEtcd: async (how, machine) => {
      await Promise.all(etcds(machine).map((each) => end(each, 'etcd', how)));
    },
    startAgent: beginAgent,
    stopAgent: (host, how) => end(host, 'agent', how),
    useDataplane: async (dataplane) => {
      wiring.state = { ...wiring.state, settings: { ...settings(), dataplane } };
      writeState(wiring.directory, wiring.state);
      await Promise.all(hosts.map((host) => end(host, 'agent')));
      await Promise.all(hosts.map((host) => beginAgent(host)));
      await waitReady(wiring.watched, READY_TIMEOUT_MS);
    },
  };
}

/** @throws CausewayError the controller's own sentence */
export async function postContainer(api: Api, name: string, host: string): Promise<void> {
  const { status, body } = await api.ask('POST', '/v1/containers', webContainer(name, host));
  if (status >= 300)
    throw new CausewayError('command-failed', `creating the container ${name}: ${JSON.stringify(body)}`);
}

const RUNC_EXEC = ['runc', '--root', '/run/causeway/runc', 'exec'];

/** Ends process 1, and with it every process, namespace and mount of the lab; then removes the directory. */
async function endLab(state: LabState, directory: string): Promise<void> {
  if (state.initPid !== undefined && state.initStart !== undefined) {
    const init = { pid: state.initPid, start: state.initStart };
    if (isAlive(init)) signal(init, 'SIGKILL');
    await waitGone(init, DOWN_TIMEOUT_MS);
  }
  if (state.cgroup !== undefined) await removeCgroups(state.cgroup);
  await removeDirectory(dirname(directory), directory);
}

function runningOnly({ name, host, status }: ContainerView): LabContainer[] {
  const { pid, ipv6Address } = status ?? {};
  const address = status?.address ?? ipv6Address;
  if (status?.state !== 'running' || address === undefined || pid === undefined) return [];
  return [{ name, host, address, ...(ipv6Address === undefined ? {} : { ipv6Address }), pid }];
}

function noContainer(name: string): never {
  throw new CausewayError('not-found', `looking for the container ${name}: none of that name runs`);
}

function readBefore(place: Place): HostState {
  try {
    return JSON.parse(readFileSync(beforeFile(place), 'utf8')) as HostState;
  } catch (error) {
    const reason = `reading what ${place.member} was before its agent: ${messageOf(error)}`;
    throw new CausewayError('not-found', reason, { cause: error });
  }
}

/** Where the state of a host before its first agent is kept. */
export function beforeFile(place: Place): string {
  return join(place.directory, 'hosts', place.member, 'before.json');
}
