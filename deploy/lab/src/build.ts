import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CausewayError } from '@causeway/shared/errors';
import { makeCgroups, removeCgroups } from './cgroups.ts';
import { beforeFile, clusterOf, postContainer, watchedOf } from './cluster.ts';
import { type Place, startDaemon } from './daemons.ts';
import type { Lab } from './handle.ts';
import { checkVisible, hostState } from './machines.ts';
import { startNamespaces, writePlan } from './namespaces.ts';
import type { LabOptions } from './options.ts';
import { checkOptions, type LabSettings, shapeOf } from './options.ts';
import { identify, waitFor } from './pids.ts';
import { installPrograms } from './programs.ts';
import { waitController, waitNodes } from './readiness.ts';
import { baseDirectory, claimName, type LabState, removeDirectory, writeState } from './state.ts';
import { hostName, type Member, members } from './topology.ts';
import { webContainers, webServer, writeWebFiles } from './workloads.ts';

/** Time for each step of a cluster's start, milliseconds: a hundred hosts on two cores need more than three. */
const stepTimeoutMs = (hosts: number) => 30_000 + 1_000 * hosts;

/** Brings up a lab as `createLab` promises. */
export async function buildLab(options: LabOptions): Promise<Lab> {
  const settings = checkOptions(options);
  const tell = teller(settings.progress);
  checkVisible(baseDirectory());
  const claimed = await claimName(firstState(settings), settings.lifetime === 'attached');
  const { directory } = claimed;
  const cgroup = settings.bare ? undefined : makeCgroups(claimed.name);
  const first = { ...firstState(settings), name: claimed.name, ...(cgroup === undefined ? {} : { cgroup }) };
  let lab: Lab | undefined;
  try {
    writeState(directory, first);
    const machines = members(shapeOf(settings));
    writePlan(directory, machines, cgroup);
    for (const { name } of machines) writeWebFiles(name, join(directory, `hosts/${name}/www`));
    if (!settings.bare) installPrograms(directory);
    const names = machines.map((member) => member.name);
    const made = await startNamespaces(directory, names, settings.lifetime === 'attached');
    const state: LabState = {
      ...first,
      initPid: made.init.pid,
      initStart: made.init.start,
      members: made.holders,
    };
    writeState(directory, state);
    lab = clusterOf(state, directory);
    tell(`lab ${claimed.name}: ${settings.hosts} hosts, client, router and internet on their wires`);
    await startAll(lab, state, machines, settings, tell);
    return lab;
  } catch (error) {
    await (lab === undefined ? abandon(directory, cgroup) : lab.down());
    throw error;
  }
}

async function abandon(directory: string, cgroup: string | undefined): Promise<void> {
  if (cgroup !== undefined) await removeCgroups(cgroup);
  await removeDirectory(dirname(directory), directory);
}

async function startAll(
  lab: Lab,
  state: LabState,
  machines: readonly Member[],
  settings: LabSettings,
  tell: (what: string) => void,
): Promise<void> {
  const { directory } = lab;
  const timeoutMs = stepTimeoutMs(settings.hosts);
  const watched = watchedOf(state, directory);
  const { placeOf } = watched;
  const webs = machines
    .filter(({ kind }) => kind !== 'etcd')
    .map(({ name }) => startDaemon(placeOf(name), 'web', webServer(join(directory, `hosts/${name}/www`))));
  const befores = lab.hosts.map((host) => recordBefore(placeOf(host), timeoutMs));
  const control = async () => {
    if (settings.etcd === 'provided') await settings.provideEtcd?.(lab);
    else if (settings.etcd !== 'embedded') await lab.startEtcd();
    await lab.startController();
  };
  await Promise.all([...webs, ...befores, ...(settings.bare ? [] : [control()])]);
  if (settings.bare) return;
  await waitController(watched, timeoutMs);
  tell('etcd and the controller on host-1 are ready');
  if (settings.until === 'controller') return;
  await Promise.all(lab.hosts.map((host) => lab.startAgent(host)));
  await waitNodes(watched, timeoutMs);
  tell(`an agent on every host, with routes to all others (${settings.backend}, ${settings.dataplane})`);
  const containers = webContainers(lab.hosts);
  await Promise.all(containers.map(({ name, host }) => postContainer(lab.api, name, host)));
  await lab.ready(timeoutMs);
  const running = await lab.containers();
  tell(`containers: ${running.map(({ name, address }) => `${name} ${address}`).join(', ')}`);
}

/** What the host's kernel holds before an agent ran on it, once its link is up. */
async function recordBefore(place: Place, timeoutMs: number): Promise<void> {
  const state = await waitFor(
    async () => {
      const found = await hostState(place);
      return found.links?.some((line) => line.includes('eth0') && line.includes('state UP'))
        ? found
        : undefined;
    },
    timeoutMs,
    () => `the link of ${place.member} does not come up`,
  );
  writeFileSync(beforeFile(place), JSON.stringify(state));
}

function firstState(settings: LabSettings): LabState {
  const maker = identify(process.pid);
  const { name, lifetime, progress, until, provideEtcd, ...kept } = settings;
  if (maker === undefined)
    throw new CausewayError('internal', 'making a lab: /proc does not show this process');
  return {
    ...{ name, maker, lifetime },
    hosts: Array.from({ length: settings.hosts }, (_, index) => hostName(index + 1)),
    members: {},
    settings: kept,
    startedAt: new Date().toISOString(),
  };
}

/** Prefixes each line with the seconds since the start. */
function teller(progress: (line: string) => void): (what: string) => void {
  const started = performance.now();
  return (what) => progress(`[${((performance.now() - started) / 1000).toFixed(2)} s] ${what}`);
}
