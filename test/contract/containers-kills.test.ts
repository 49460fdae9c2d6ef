import { readdir } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { ContainerNetwork } from '../../node-agent/src/containers/network.ts';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import {
  buildDriver,
  type ContainerWorld,
  type Driver,
  openContainerWorld,
  web,
} from './containers-world.ts';

/** Agents that are killed at random points of making and removing containers leave nothing that the next one does not clear. */
const network: ContainerNetwork = {
  ...{ subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' }, bridge: 'cwy0', mtu: 1450 },
};
const BRIDGE = 'ip link add cwy0 type bridge; ip address add 10.10.1.1/24 dev cwy0; ip link set cwy0 up';
const KILLS = 100;
/** So many agents are killed one after the other before one is left in peace. */
const IN_A_ROW = 5;
const SEED = 20_261_121;
/** Every program that starting a container runs; none of them may stay. */
const PROGRAMS = /(conmon|runc|httpd|mount|ip) /;

let driver: Driver;
let world: ContainerWorld;
beforeAll(async () => {
  driver = await buildDriver();
  world = await openContainerWorld(driver, BRIDGE);
});
afterAll(async () => {
  await world.close();
  driver.remove();
});

/** mulberry32 */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const specs = ['a', 'b', 'c'].map((name) => web(name));

async function killedAfter(ms: number, wanted: readonly ContainerSpec[]): Promise<void> {
  const input = JSON.stringify(world.scriptOf(network, [{ reconcile: wanted }]));
  await world.net.exec('timeout', ['-s', 'KILL', `${ms / 1000}`, 'node', driver.path], {
    ...{ input, okCodes: [124, 137, -1] },
  });
}

async function processes(): Promise<readonly string[]> {
  const { stdout } = await world.net.sh(
    'for process in /proc/[0-9]*; do tr "\\0" " " <$process/cmdline 2>&- || :; echo; done',
  );
  return stdout.split('\n').filter((line) => PROGRAMS.test(line));
}

async function files(): Promise<readonly string[]> {
  const folders = ['lib/containers', 'lib/roots', 'lib/exits', 'run/runc', 'run/bundles'];
  const found = await Promise.all(folders.map((folder) => readdir(`${world.dir}/${folder}`).catch(() => [])));
  return found.flat();
}

it(`leave no namespace, link, mount, process, file or address behind: ${KILLS} of them`, async () => {
  const random = randomFrom(SEED);
  const startedAt = performance.now();
  await world.reconcile(network, ...specs);
  const wholeMs = performance.now() - startedAt;
  await world.reconcile(network);
  const untouched = await world.traces();
  for (let kills = 0; kills < KILLS; kills += IN_A_ROW) {
    const lives: string[] = [];
    for (let row = 0; row < IN_A_ROW; row++) {
      const wanted = specs.filter(() => random() < 0.7);
      const ms = Math.round(wholeMs * (0.05 + 0.95 * random()));
      lives.push(`${wanted.map(({ name }) => name).join('')} for ${ms} ms`);
      await killedAfter(ms, wanted);
    }
    const lived = `after ${kills} kills, then ${lives.join(', ')}`;
    // What a killed agent's last command still does may get in the way of the next agent's first pass, not of its second.
    const states = async () => (await world.reconcile(network, ...specs)).map(({ state }) => state);
    await expect.poll(states, { timeout: 60_000, message: lived }).toEqual(['running', 'running', 'running']);
    const addresses = (await world.reconcile(network, ...specs)).map(({ address }) => address);
    expect(addresses.toSorted(), lived).toEqual(['10.10.1.2', '10.10.1.3', '10.10.1.4']);
    expect(
      (await processes()).filter((line) => line.startsWith('httpd')),
      lived,
    ).toHaveLength(3);
    expect(
      (await processes()).filter((line) => line.includes('conmon')),
      lived,
    ).toHaveLength(3);
    await world.reconcile(network);
    expect(await world.traces(), lived).toBe(untouched);
    expect(await files(), lived).toEqual([]);
    expect(await processes(), lived).toEqual([]);
  }
}, 540_000);
