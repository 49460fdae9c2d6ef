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

it('marks our bridge and what goes by it whatever its name, and our sets', async () => {
  await world.sh(
    'ip link add br0 type bridge; ip link set br0 alias causeway up; ip address add 10.10.1.1/24 dev br0',
  );
  await world.sh(
    'ipset create CWY4-1f-TD hash:net; ipset add CWY4-1f-TD 10.0.0.0/8; ipset create own hash:ip',
  );
  const { sections = [] } = await inspect();
  const marked = (wanted: string, part: string) =>
    sections.find(({ title }) => title === wanted)?.lines.filter(({ text }) => text.includes(part)) ?? [];
  const ours = (text: unknown) => ({ text, ours: true });
  expect(marked('links', 'br0')).toEqual([ours(expect.stringContaining(': br0 '))]);
  expect(marked('addresses', '10.10.1.1')).toEqual([ours('10.10.1.1/24 dev br0 scope global')]);
  expect(marked('routes', '10.10.1.0/24')).toEqual([ours(expect.stringContaining(' dev br0 '))]);
  expect(marked('ipset', '10.0.0.0')).toEqual([ours('add CWY4-1f-TD 10.0.0.0/8')]);
  expect(marked('ipset', 'own')).toMatchObject([{ ours: false }]);
});

it('shows nothing of a namespace that has gone, and says so', async () => {
  expect(await inspect('/run/netns/gone')).toEqual({
    error: expect.stringMatching(/^looking at the network of it: .*\/run\/netns\/gone/s),
  });
});
