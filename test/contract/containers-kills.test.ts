import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import type { Call } from './containers-driver.ts';
import { attach, useOthersWorld } from './containers-others.ts';
import { DUAL, web } from './containers-world.ts';

/**
 * Agents that are killed at random points of making, stopping and removing containers, of attaching and detaching one, leave
 * nothing that the next one does not clear.
 */
const { world, somebodys, stateOf } = useOthersWorld();
const KILLS = 100;
/** So many agents are killed one after the other before one is left in peace. */
const IN_A_ROW = 10;
const SEED = 20_261_121;
/** Every program that starting a container runs; none of them may stay. */
const PROGRAMS = /(conmon|runc|httpd|mount|ip) /;

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

/** Some run, some are stopped, some are gone, and that of somebody else is attached or is not. */
function anyOf(random: () => number, theirs: ContainerSpec): readonly ContainerSpec[] {
  const own = specs.flatMap((spec): ContainerSpec[] => {
    const what = random();
    if (what < 0.3) return [];
    return [what < 0.5 ? { ...spec, want: 'stopped', stopSeconds: 0 } : spec];
  });
  return random() < 0.5 ? own : [...own, theirs];
}

/** What an agent was asked for in its life, for whoever reads why a test has failed. */
const textOf = (wanted: readonly ContainerSpec[]) =>
  wanted.map(({ name, want }) => (want === 'stopped' ? `(${name})` : name)).join(' ') || 'none';

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
  const pid = await somebodys();
  const theirs = attach('theirs', 'pid', pid);
  const all = [...specs, theirs];
  const startedAt = performance.now();
  await world.agent(DUAL, { reconcile: all }, { reconcile: [] });
  const wholeMs = performance.now() - startedAt;
  const untouched = [await world.traces(), await stateOf(pid)];
  for (let kills = 0; kills < KILLS; kills += IN_A_ROW) {
    const lives: string[] = [];
    for (let row = 0; row < IN_A_ROW; row++) {
      const wanted = [anyOf(random, theirs), anyOf(random, theirs)];
      const ms = Math.round(wholeMs * (0.05 + 0.95 * random()));
      lives.push(`${wanted.map(textOf).join(', then ')} for ${ms} ms`);
      await world.killedAfter(ms, DUAL, ...wanted.map((specs): Call => ({ reconcile: specs })));
    }
    const lived = `after ${kills} kills, then ${lives.join('; ')}`;
    // What a killed agent's last command still does may get in the way of the next agent's first pass, not of its second.
    const states = async () => (await world.reconcile(DUAL, ...all)).map(({ state }) => state);
    await expect
      .poll(states, { timeout: 60_000, message: lived })
      .toEqual(['running', 'running', 'running', 'running']);
    const addresses = (await world.reconcile(DUAL, ...all)).map(({ address }) => address);
    expect(addresses.toSorted(), lived).toEqual(['10.10.1.2', '10.10.1.3', '10.10.1.4', '10.10.1.5']);
    for (const program of ['httpd', 'conmon']) {
      const running = (await processes()).filter((line) => line.includes(program));
      expect(running, lived).toHaveLength(specs.length);
    }
    await world.reconcile(DUAL);
    expect([await world.traces(), await stateOf(pid)], lived).toEqual(untouched);
    expect(await files(), lived).toEqual([]);
    expect(await processes(), lived).toEqual([]);
  }
}, 1_200_000);
