import { describe, expect, it } from 'vitest';
import type { ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { type Held, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { useFlowDriver, useFlowWorld } from './flows-world.ts';

/** Connections that stand when the drain of their endpoint is over, through real rules. */
const VIPS = {
  ipv4: { web: '2.2.2.2', other: '10.96.0.80' },
  ipv6: { web: '2001:db8::2', other: 'fd00:96::80' },
} as const satisfies Record<Family, unknown>;
const PORT = 80;
const NODE_PORT = 30080;

const driver = useFlowDriver();

describe.each(DATAPLANES)('an endpoint whose drain is over, with %s', (name) => {
  const flows = useFlowWorld(driver, name);

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
    const agent = flows.agent(family);

    /** Brings the kernel to these services, as the agent does: the rules first. */
    const serve = (...services: readonly ServiceIntent[]) =>
      agent.follow(intentOf([...services, neighbour], family));
    /** From a container, the host and outside, through the VIP and the NodePort. */
    const everybody = () =>
      Promise.all([
        flows.world.hold('c2', vip, PORT),
        flows.world.hold('host', vip, PORT),
        flows.world.hold('c2', host, NODE_PORT),
        flows.world.hold('client', host, NODE_PORT),
      ]);
    const bystanders = () =>
      Promise.all([
        flows.world.hold('c2', other, PORT),
        flows.world.hold('host', other, PORT),
        flows.world.hold('c2', c3, SERVER_PORT),
        flows.world.hold('host', c3, SERVER_PORT),
        flows.world.hold('client', c3, SERVER_PORT),
      ]);
    const firstOf = (all: readonly Held[]) => new Set(all.map(({ first }) => first.split(' ')[0]));
    const answersOf = async (all: readonly Held[]) =>
      new Set((await Promise.all(all.map((one) => one.again()))).map((answer) => answer.split(' ')[0]));

    it('keeps what it has until then; afterwards it is reset, and finds another one', async () => {
      agent.restart();
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
      agent.restart();
      await serve(web({ endpoints: [here] }));
      const [all, others] = [await everybody(), await bystanders()];
      agent.restart();
      expect((await serve(web({ drained: [here] }))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(new Set(['ECONNRESET']));
      expect(await answersOf(others)).toEqual(new Set(['c3']));
      expect(firstOf(await everybody())).toEqual(new Set(['ECONNREFUSED']));
    });

    it('loses its associations of SCTP, and nobody else does', async () => {
      const associate = (n: number, to: string, at: string) =>
        flows.world.sh(`conntrack -I -p sctp --state ESTABLISHED --orig-vtag 1 --reply-vtag 2 -t 600 \
          --orig-src ${c3.replace(/3$/, '9')} --orig-dst ${to} --orig-port-src ${4000 + n} --orig-port-dst ${PORT} \
          --reply-src ${at} --reply-dst ${c3.replace(/3$/, '9')} --reply-port-src ${SERVER_PORT} --reply-port-dst ${4000 + n}`);
      const listed = async () =>
        (await flows.world.sh(`conntrack -L -f ${family} -p sctp 2>/dev/null || :`)).stdout.match(
          /sport=400\d/g,
        );
      agent.restart();
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
