import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { apiAt, type ContainerView } from './api.ts';
import { agentCommand, controllerCommand, ETCD_URL, etcdCommand } from './command-lines.ts';
import { type Place, startDaemon, stopDaemon } from './daemons.ts';
import type { HostState } from './host-state.ts';
import type { Lab, LabContainer } from './lab.ts';
import { execOn, hostState, svcctl } from './machines.ts';
import { enter } from './namespaces.ts';
import { checkMember } from './options.ts';
import { isAlive, signal, waitGone } from './pids.ts';
import { environment, spawnPiped } from './process.ts';
import { type Watched, waitContainers, waitReady } from './readiness.ts';
import { type LabState, removeDirectory, SOCKET_IN_LAB, writeState } from './state.ts';
import { members as allMembers } from './topology.ts';
import { webContainer } from './workloads.ts';

/** Time for the cluster to become whole after a start, milliseconds. */
const READY_TIMEOUT_MS = 30_000;
const DOWN_TIMEOUT_MS = 15_000;

/** The handle on a running lab, from what its `state.json` says. */
export function clusterOf(first: LabState, directory: string): Lab {
  let state = first;
  const all = allMembers(state.hosts.length);
  const names = all.map((member) => member.name);
  const socket = join(directory, SOCKET_IN_LAB);
  const api = apiAt(socket);
  const placeOf = (member: string): Place => {
    checkMember(member, names);
    const path = [join(directory, 'bin')];
    return { directory, init: state.initPid ?? 0, member, holder: state.members[member] ?? 0, path };
  };
  const watched: Watched = { api, hosts: state.hosts, placeOf };
  const first_ = () => placeOf('host-1');
  const container = async (name: string) =>
    (await listed()).find((each) => each.name === name) ?? fail(name, names);
  const listed = async () => (await api.list<ContainerView>('/v1/containers')).flatMap(runningOnly);

  const lab: Lab = {
    name: state.name,
    directory,
    hosts: state.hosts,
    members: names,
    network: state.network,
    get dataplane() {
      return state.dataplane;
    },
    etcd: ETCD_URL,
    api,
    addressOf: (member) => {
      checkMember(member, names);
      return all.find((each) => each.name === member)?.address ?? '';
    },
    exec: async (member, argv, options) => execOn(placeOf(member), argv, options),
    execInContainer: async (name, argv, options) => {
      const { host } = await container(name);
      return execOn(placeOf(host), [...RUNC_EXEC, name, ...argv], options);
    },
    spawn: (member, argv) => {
      const place = placeOf(member);
      return spawnPiped(enter(place.holder, argv), environment(place.path));
    },
    enter: (member, argv) => enter(placeOf(member).holder, argv),
    svcctl: (args, options) => svcctl(directory, socket, args, options),
    startController: async () => {
      await startDaemon(first_(), 'controller', controllerCommand(state.network, state.etcd));
    },
    stopController: (how) => stopDaemon(first_(), 'controller', how),
    startEtcd: async () => {
      await startDaemon(first_(), 'etcd', etcdCommand());
    },
    stopEtcd: (how) => stopDaemon(first_(), 'etcd', how),
    startAgent: async (host, options) => {
      await startDaemon(placeOf(host), 'agent', agentCommand(options?.dataplane ?? state.dataplane));
    },
    stopAgent: async (host, how) => stopDaemon(placeOf(host), 'agent', how),
    useDataplane: async (dataplane: Dataplane) => {
      state = { ...state, dataplane };
      writeState(directory, state);
      await Promise.all(state.hosts.map((host) => lab.stopAgent(host)));
      await Promise.all(state.hosts.map((host) => lab.startAgent(host)));
      await lab.ready();
    },
    ready: (timeoutMs = READY_TIMEOUT_MS) => waitReady(watched, timeoutMs),
    containers: listed,
    addContainer: async (name, host) => {
      await postContainer(lab, name, host);
      await waitContainers(watched, READY_TIMEOUT_MS);
      return container(name);
    },
    stateBefore: async (host) => readBefore(placeOf(host)),
    stateOf: async (host) => hostState(placeOf(host)),
    down: () => endLab(state, directory),
  };
  return lab;
}

/** @throws CausewayError the controller's own sentence */
export async function postContainer(lab: Lab, name: string, host: string): Promise<void> {
  const { status, body } = await lab.api.ask('POST', '/v1/containers', webContainer(name, host));
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

function fail(name: string, known: readonly string[]): never {
  throw new CausewayError('not-found', `looking for the container ${name}: none runs on ${known.join(', ')}`);
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
