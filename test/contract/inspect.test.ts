import { afterAll, beforeAll, expect, it } from 'vitest';
import type { NetStack } from '../../shared/src/model/net-stack.ts';
import { useBundle } from '../support/bundle.ts';
import { type Netns, openNetns } from '../support/netns.ts';

/** Looking at a real kernel's network: `inspect.test.ts` of the agent has the finer cases. */
const PROGRAM = `
import { inspectNamespace } from './inspect.ts';
const [, , path] = process.argv;
inspectNamespace({ of: 'it', ...(path === undefined ? {} : { path }) }, '/nowhere').then(
  (stack) => console.log(JSON.stringify(stack)),
  (error) => console.log(JSON.stringify({ error: error.message })),
);`;

const program = useBundle({ lines: PROGRAM, in: new URL('../../node-agent/src/inspect/', import.meta.url) });
let world: Netns;

beforeAll(async () => {
  world = await openNetns();
});
afterAll(async () => {
  await world.close();
});

async function inspect(...path: readonly string[]): Promise<Partial<NetStack> & { readonly error?: string }> {
  return JSON.parse((await world.exec(process.execPath, [program.path, ...path])).stdout);
}

it('shows the settings that there are, also where a link has none of IPv6', async () => {
  await world.sh('ip link add narrow type veth peer name other; ip link set narrow mtu 1000');
  const { sections = [] } = await inspect();
  expect(sections.flatMap(({ fault }) => fault ?? [])).toEqual([]);
  const lines = sections.find(({ title }) => title === 'sysctls')?.lines.map(({ text }) => text) ?? [];
  expect(lines.filter((line) => line.includes('conf.narrow.'))).toEqual([
    expect.stringMatching(/^net\.ipv4\.conf\.narrow\.rp_filter = \d$/),
    expect.stringMatching(/^net\.ipv4\.conf\.narrow\.send_redirects = \d$/),
    expect.stringMatching(/^net\.ipv4\.conf\.narrow\.proxy_arp = \d$/),
  ]);
});

it('shows nothing of a namespace that has gone, and says so', async () => {
  expect(await inspect('/run/netns/gone')).toEqual({
    error: expect.stringMatching(/^looking at the network of it: .*\/run\/netns\/gone/s),
  });
});
