import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { type Api, apiAt, type ContainerView } from './api.ts';
import { agentCommand, controllerCommand, ETCD_URL, etcdCommand } from './command-lines.ts';
import { type Place, startDaemon, stopDaemon } from './daemons.ts';
import type { Lab, LabContainer } from './handle.ts';
import type { HostState } from './host-state.ts';
import { execOn, hostState, svcctl } from './machines.ts';
import { enter } from './namespaces.ts';
import { checkMember } from './options.ts';
import { isAlive, signal, waitGone } from './pids.ts';
import { environmentInside, spawnPiped } from './process.ts';
import { type Watched, waitContainers, waitReady } from './readiness.ts';
import { type LabState, removeDirectory, SOCKET_IN_LAB, writeState } from './state.ts';
import { members as allMembers } from './topology.ts';
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
  const all = allMembers(state.hosts.length);
  const socket = join(directory, SOCKET_IN_LAB);
  const api = apiAt(socket);
  const watched: Watched = { api, hosts: state.hosts, placeOf: placesOf(state, directory) };
  const containers = async () => (await api.list<ContainerView>('/v1/containers')).flatMap(runningOnly);
  const container = async (name: string) =>
    (await containers()).find((each) => each.name === name) ?? noContainer(name);
  const wiring: Wiring = { directory, socket, watched, state, container };
  const lab: Lab = {
    name: state.name,
    directory,
    hosts: state.hosts,
    members: all.map((member) => member.name),
    network: state.network,
    get dataplane() {
      return wiring.state.dataplane;
    },
    etcd: ETCD_URL,
    api,
    addressOf: (member) => {
      watched.placeOf(member);
      return all.find((each) => each.name === member)?.address ?? '';
    },
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
export function placesOf(state: LabState, directory: string): (member: string) => Place {
  const names = allMembers(state.hosts.length).map((member) => member.name);
  const path = [join(directory, 'bin')];
  return (member) => {
    checkMember(member, names);
    return { directory, init: state.initPid ?? 0, member, holder: state.members[member] ?? 0, path };
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
      return spawnPiped(enter(place.holder, argv), { ...process.env, ...environmentInside(place.path) });
    },
    enter: (member, argv) => enter(placeOf(member).holder, argv),
    svcctl: (args, options) => svcctl(wiring.directory, wiring.socket, args, options),
  };
}

type Daemons = 'Controller' | 'Etcd' | 'Agent';

function daemonsOf(wiring: Wiring): Pick<Lab, `${'start' | 'stop'}${Daemons}` | 'useDataplane'> {
  const { placeOf, hosts } = wiring.watched;
  const begin = async (host: string, name: string, command: readonly string[]) => {
    await startDaemon(placeOf(host), name, command);
  };
  const beginAgent = (host: string, dataplane = wiring.state.dataplane) =>
    begin(host, 'agent', agentCommand(dataplane));
  const end = async (host: string, name: string, how?: NodeJS.Signals) =>
    stopDaemon(placeOf(host), name, how);
  return {
    startController: () =>
      begin('host-1', 'controller', controllerCommand(wiring.state.network, wiring.state.etcd)),
    stopController: (how) => end('host-1', 'controller', how),
    startEtcd: () => begin('host-1', 'etcd', etcdCommand()),
    stopEtcd: (how) => end('host-1', 'etcd', how),
    startAgent: (host, options) => beginAgent(host, options?.dataplane),
    stopAgent: (host, how) => end(host, 'agent', how),
    useDataplane: async (dataplane) => {
      wiring.state = { ...wiring.state, dataplane };
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
  await removeDirectory(dirname(directory), directory);
}

function runningOnly({ name, host, status }: ContainerView): LabContainer[] {
  const { address, pid } = status ?? {};
  if (status?.state !== 'running' || address === undefined || pid === undefined) return [];
  return [{ name, host, address, pid }];
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
