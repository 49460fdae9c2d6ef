import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { connect } from './network.ts';
import { attachedNetnsOf, layoutOf, type Place, placeOf } from './places.ts';

const ran = vi.hoisted(() => [] as { command: string; args: readonly string[]; input?: string }[]);

vi.mock('@causeway/shared/programs/run', () => ({
  run: async (command: string, args: readonly string[], { input }: { input?: string }) => {
    ran.push({ command, args, ...(input === undefined ? {} : { input }) });
    return { exitCode: 0, stdout: '', stderr: '' };
  },
}));

const network = {
  ...{ subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' }, bridge: 'cwy0', mtu: 1450 },
};
let dir: string;
let place: Place;

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-network-'));
  place = placeOf(layoutOf({ stateDir: `${dir}/lib`, runDir: `${dir}/run` }), 'web');
  ran.length = 0;
});
afterEach(() => rmSync(dir, { recursive: true }));

// Each program that a large process starts holds it up for as long as its memory takes to be copied.
it.each([
  ['a new container', { netns: false, link: false }],
  ['a container that has lost its link', { netns: true, link: false }],
  ['a container of others', { netns: true, link: false, foreign: true, before: ['netns attach cwya-web 7'] }],
])('connects %s by one program, the inside with it', async (_, existing) => {
  const at = 'foreign' in existing ? { ...place, netns: attachedNetnsOf('web') } : place;
  await connect(at, { ipv4: '10.10.1.2' }, network, existing);
  expect(ran).toMatchObject([{ command: 'ip', args: ['-batch', '-'] }]);
  const lines = (ran[0]?.input ?? '').trim().split('\n');
  const inside = lines.filter((line) => line.startsWith(`netns exec ${at.netns} `));
  expect(inside).toHaveLength(1);
  expect(inside[0]).toContain(`"${place.bundle}/inside.ip"`);
  expect(readFileSync(`${place.bundle}/inside.ip`, 'utf8')).toContain(
    'address replace 10.10.1.2/24 dev eth0\n',
  );
});

it('touches nothing in a namespace of others but its own link and that link’s settings', async () => {
  await connect(place, { ipv4: '10.10.1.2' }, network, { netns: true, link: false, foreign: true });
  const [{ input } = {}] = ran;
  expect(input).toContain(' "sh" "-ec" \'conf=/proc/sys/net/ipv6/conf/eth0; ');
  expect(input).toMatch(/\$2"' "sh" "ipv4" "[^"]+"\n/);
  expect(readFileSync(`${place.bundle}/inside.ip`, 'utf8')).not.toContain('dev lo');
});
