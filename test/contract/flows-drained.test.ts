import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cleaning } from '../../node-agent/src/loop/flow-cleaner.ts';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES, type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import {
  type Held,
  openPacketWorld,
  type PacketWorld,
  PLACES,
  SERVER_PORT,
} from '../support/packet-world.ts';
import type { Call } from './flows-driver.ts';

/** Connections that stand when the drain of their endpoint is over, through real rules. */
const VIPS = {
  ipv4: { web: '2.2.2.2', other: '10.96.0.80' },
  ipv6: { web: '2001:db8::2', other: 'fd00:96::80' },
} as const satisfies Record<Family, unknown>;
const PORT = 80;
const NODE_PORT = 30080;

let directory: string;
let driver: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'causeway-drained-'));
  driver = join(directory, 'flows-driver.cjs');
  const entryPoints = [new URL('flows-driver.ts', import.meta.url).pathname];
  await build({ entryPoints, bundle: true, platform: 'node', outfile: driver });
});
afterAll(() => rmSync(directory, { recursive: true }));

describe.each(DATAPLANES)('an endpoint whose drain is over, with %s', (name) => {
  let world: PacketWorld;
  let dataplane: Dataplane;

  beforeAll(async () => {
    world = await openPacketWorld();
    dataplane = dataplaneIn(world, name);
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c3, host, peer } = PLACES[family];
    const { web: vip, other } = VIPS[family];
    const [here, far] = [endpoint(c3), endpoint(peer)];
    const web = (more: Partial<ServiceIntent>) =>
      serviceIntent({ ...{ id: 'web', vip, port: PORT, nodePort: NODE_PORT }, ...more });
    const sctp = (more: Partial<ServiceIntent>) =>
      serviceIntent({ ...{ id: 'sctp', vip, protocol: 'sctp', port: PORT }, ...more });
    /** Has the same endpoint, and drains nothing. */
    const neighbour = serviceIntent({ id: 'other', vip: other, port: PORT, endpoints: [here] });
    let held: FirewallIntent | undefined;

    /** Brings the kernel to these services, as the agent does: the rules first. */
    async function serve(...services: readonly ServiceIntent[]): Promise<Cleaning> {
      const to = intentOf([...services, neighbour], family);
      await dataplane.apply(family, dataplane.ruleset.full(to, await dataplane.list(family)));
      const call: Call = { ...(held === undefined ? {} : { from: [held] }), to: [to] };
      held = to;
      const { stdout } = await world.exec(process.execPath, [driver], { input: JSON.stringify(call) });
      const cleaning: Cleaning = JSON.parse(stdout);
      expect(cleaning).toMatchObject({ problems: [], done: true });
      return cleaning;
    }
    /** From a container, the host and outside, through the VIP and the NodePort. */
    const everybody = () =>
      Promise.all([
        world.hold('c2', vip, PORT),
        world.hold('host', vip, PORT),
        world.hold('c2', host, NODE_PORT),
        world.hold('client', host, NODE_PORT),
      ]);
    const bystanders = () =>
      Promise.all([
        world.hold('c2', other, PORT),
        world.hold('host', other, PORT),
        world.hold('c2', c3, SERVER_PORT),
        world.hold('host', c3, SERVER_PORT),
        world.hold('client', c3, SERVER_PORT),
      ]);
    const firstOf = (all: readonly Held[]) => new Set(all.map(({ first }) => first.split(' ')[0]));
    const answersOf = async (all: readonly Held[]) =>
      new Set((await Promise.all(all.map((one) => one.again()))).map((answer) => answer.split(' ')[0]));

    it('keeps what it has until then; afterwards it is reset, and finds another one', async () => {
      held = undefined;
      await serve(web({ endpoints: [here] }));
      const [all, others] = [await everybody(), await bystanders()];
      expect([firstOf(all), firstOf(others)]).toEqual([new Set(['c3']), new Set(['c3'])]);
      expect((await serve(web({ endpoints: [far] }))).forgotten).toBe(0);
      expect(await answersOf(all)).toEqual(new Set(['c3']));
      expect((await serve(web({ endpoints: [far], drained: [here] }))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(new Set(['ECONNRESET']));
      expect(await answersOf(others)).toEqual(new Set(['c3']));
      expect(firstOf(await everybody())).toEqual(new Set(['peer']));
    });

    it('has its connections reset also where no other endpoint is there, and by an agent that starts later', async () => {
      held = undefined;
      await serve(web({ endpoints: [here] }));
      const [all, others] = [await everybody(), await bystanders()];
      held = undefined;
      expect((await serve(web({ drained: [here] }))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(new Set(['ECONNRESET']));
      expect(await answersOf(others)).toEqual(new Set(['c3']));
      expect(firstOf(await everybody())).toEqual(new Set(['ECONNREFUSED']));
    });

    it('loses its associations of SCTP, and nobody else does', async () => {
      const associate = (n: number, to: string, at: string) =>
        world.sh(`conntrack -I -p sctp --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 600 \
          --orig-src ${c3.replace(/3$/, '9')} --orig-dst ${to} --orig-port-src ${4000 + n} --orig-port-dst ${PORT} \
          --reply-src ${at} --reply-dst ${c3.replace(/3$/, '9')} --reply-port-src ${SERVER_PORT} --reply-port-dst ${4000 + n}`);
      const listed = async () =>
        (await world.sh(`conntrack -L -f ${family} -p sctp 2>/dev/null || :`)).stdout.match(/sport=400\d/g);
      held = undefined;
      await serve(sctp({ endpoints: [here, far] }));
      await associate(1, vip, c3);
      await associate(2, vip, peer);
      await associate(3, other, c3);
      await serve(sctp({ endpoints: [far] }));
      expect(await listed()).toHaveLength(3);
      expect((await serve(sctp({ endpoints: [far], drained: [here] }))).forgotten).toBe(1);
      expect((await listed())?.sort()).toEqual(['sport=4002', 'sport=4003']);
    });
  });
});
