import { readdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import type { InPasses } from './containers-driver.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld, web } from './containers-world.ts';

/** Many containers of one image on one host: as many as a subnet has addresses for, but a few. */
const world = useContainerWorld(IPV4_BRIDGE);
const MANY = 200;
const MOST = 16;
/** Enough for any two that are looked at to be of different passes. */
const STEP = 23;
const PATIENCE_MS = 900_000;
const specs = Array.from({ length: MANY }, (_, i) => web(`many-${i}`));

async function inPasses(wanted: typeof specs): Promise<InPasses> {
  const { answers } = await world.agent(IPV4, { inPasses: wanted, most: MOST });
  return answers[0] as InPasses;
}

const lines = (text: string) => text.split('\n').filter(Boolean);
/** Folders that overlays lie over. */
const lowers = async () =>
  lines(await world.sh("grep ^causeway- /proc/self/mounts | grep -o 'lowerdir=[^,]*'"));

it(
  `${MANY} at once all run, each with an address of its own and all over one image, and leave nothing`,
  async () => {
    await inPasses(specs.slice(0, 1));
    await inPasses([]);
    const untouched = await world.traces();

    const { states, running, said } = await inPasses(specs);
    expect(states.filter(({ state }) => state !== 'running')).toEqual([]);
    expect(states.map(({ name }) => name)).toEqual(specs.map(({ name }) => name));
    // Nobody waited for all of them.
    expect(running.length).toBeGreaterThanOrEqual(Math.floor(MANY / (MOST + 4)));
    expect(said.length).toBe(MANY);
    expect(new Set(states.map(({ pid }) => pid)).size).toBe(MANY);
    expect(new Set(states.map(({ address }) => address)).size).toBe(MANY);
    const leased = lines(
      await world.sh(`cat ${world.dir}/lib/containers/*.json | grep -o '"address":"[^"]*"'`),
    );
    expect(new Set(leased).size).toBe(MANY);

    const mounted = await lowers();
    expect(mounted.length).toBe(MANY);
    expect(new Set(mounted).size).toBe(1);
    expect((await readdir(`${world.dir}/lib/images/layers`)).length).toBe(1);
    for (let i = 0; i < MANY; i += STEP)
      expect(await world.get(`many-${i}`, states[MANY - 1 - i]?.address ?? '')).toBe(
        `hello from many-${MANY - 1 - i}\n`,
      );
    expect(await world.agent(IPV4, { plan: specs })).toMatchObject({ answers: [[]] });

    expect((await inPasses([])).states).toEqual([]);
    expect(await world.traces()).toBe(untouched);
    for (const folder of ['lib/containers', 'lib/roots', 'lib/exits', 'run/runc', 'run/bundles'])
      expect(await readdir(`${world.dir}/${folder}`)).toEqual([]);
  },
  PATIENCE_MS,
);
