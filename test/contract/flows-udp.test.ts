import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { EndpointIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { publishedIntent } from '../support/any-published.ts';
import { DATAPLANES } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { type HeldUdp, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { useFlowDriver, useFlowWorld } from './flows-world.ts';

/** UDP through services that change, with clients that never change their sockets. */
const VIPS = {
  // Outside of the service range: with no service, packets to it leave the host.
  ipv4: { udp: '2.2.2.2', tcp: '10.96.0.53' },
  ipv6: { udp: '2001:db8::2', tcp: 'fd00:96::53' },
} as const satisfies Record<Family, unknown>;
const NODE_PORT = 30053;
const PORT = 53;

const driver = useFlowDriver();

describe.each(DATAPLANES)('UDP flows through %s', (name) => {
  const flows = useFlowWorld(driver, name);

  beforeAll(async () => {
    // What the kernel remembers of UDP must outlast a busy machine's test.
    await flows.world.sh(
      'for t in "" _stream; do echo 600 > /proc/sys/net/netfilter/nf_conntrack_udp_timeout$t; done',
    );
  });

  const client = (from: string, address: string, port: number): HeldUdp =>
    flows.world.keepUdp(from, address, port);
  /** Who answers once more on this socket, where an answer must come; or an error's code. */
  const who = async ({ again }: HeldUdp) => (await again()).replace(/ sees .*/, '');
  const idsOf = async (family: Family) => {
    const { stdout } = await flows.world.sh(`conntrack -L -f ${family} -p udp -o id 2>/dev/null`);
    return [...stdout.matchAll(/ id=(\d+)/g)].map(([, id]) => id).sort();
  };

  describe.each(FAMILIES)('%s', (family) => {
    const { c3, host, peer } = PLACES[family];
    const { udp: vip, tcp: tcpVip } = VIPS[family];
    const [here, far] = [endpoint(c3), endpoint(peer)];
    const serving = (...endpoints: readonly EndpointIntent[]): ServiceIntent =>
      serviceIntent({
        ...{ id: 'dns', vip, protocol: 'udp', port: PORT, nodePort: NODE_PORT },
        endpoints,
      });
    const tcp = serviceIntent({ id: 'web', vip: tcpVip, port: PORT, endpoints: [here] });
    const agent = flows.agent(family);

    /** Brings the kernel to these services, as the agent does: the rules first. */
    const serve = (...services: readonly ServiceIntent[]) =>
      agent.follow(intentOf([...services, tcp], family));
    /** From a container, the host and outside, through the VIP and the NodePort. */
    const everybody = () => [
      client('c2', vip, PORT),
      client('host', vip, PORT),
      client('c2', host, NODE_PORT),
      client('client', host, NODE_PORT),
    ];
    const answersOf = async (all: readonly HeldUdp[]) => [...new Set(await Promise.all(all.map(who)))].sort();
    /** What comes where no server's answer should. */
    const answersInVain = (all: readonly HeldUdp[]) => Promise.all(all.map((one) => one.ask()));

    beforeEach(async () => {
      await flows.world.sh(`conntrack -D -f ${family} -p udp 2>/dev/null || :`);
      agent.restart();
    });

    it('reach another endpoint when theirs is gone, from the same sockets', async () => {
      await serve(serving(here));
      const all = everybody();
      expect(await answersOf(all)).toEqual(['c3']);
      expect((await serve(serving(far))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(['peer']);
    });

    it('reach the first endpoint, though they were sent into the dark before', async () => {
      await serve();
      const all = everybody();
      expect((await answersInVain(all)).join()).not.toContain('c3');
      await serve(serving());
      expect((await answersInVain(all)).join()).not.toContain('c3');
      await serve(serving(here));
      expect(await answersOf(all)).toEqual(['c3']);
    });

    it('are refused when the last endpoint is gone, and lead nowhere when the service is', async () => {
      await serve(serving(here));
      const all = everybody();
      expect(await answersOf(all)).toEqual(['c3']);
      await serve(serving());
      expect(await answersOf(all)).toEqual(['ECONNREFUSED']);
      await serve(serving(here));
      expect(await answersOf(all)).toEqual(['c3']);
      expect((await serve()).forgotten).toBe(all.length);
      expect((await answersInVain(all)).join()).not.toContain('c3');
    });

    it('stay as they are, each with its endpoint, when the agent starts again or others come', async () => {
      await serve(serving(here, far));
      const all = everybody();
      const answers = () => Promise.all(all.map(who));
      const first = await answers();
      const ids = await idsOf(family);
      expect(ids.length).toBeGreaterThanOrEqual(all.length);
      const again = { to: [intentOf([serving(here, far), tcp], family)] };
      expect((await agent.clean(again)).forgotten).toBe(0);
      const third = endpoint(c3, 12399);
      expect((await serve(serving(here, third, far))).forgotten).toBe(0);
      expect(await idsOf(family)).toEqual(ids);
      expect(await answers()).toEqual(first);
    });

    it('of an endpoint that was replaced while no agent was there are removed by the next one', async () => {
      await serve(serving(here));
      const all = everybody();
      expect(await answersOf(all)).toEqual(['c3']);
      agent.restart();
      expect((await serve(serving(far))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(['peer']);
    });

    it('stay with an endpoint that drains until it is gone', async () => {
      await serve(serving(here));
      const all = everybody();
      expect(await answersOf(all)).toEqual(['c3']);
      expect((await serve({ ...serving(far), keeping: [here] })).forgotten).toBe(0);
      expect(await answersOf(all)).toEqual(['c3']);
      expect(await who(client('c2', vip, PORT))).toBe('peer');
      expect((await serve(serving(far))).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(['peer']);
    });

    it('to elsewhere are never touched, nor is TCP', async () => {
      await serve(serving(here));
      const elsewhere = [
        client('c2', peer, 12345),
        client('c2', peer, NODE_PORT),
        client('host', peer, NODE_PORT),
        client('host', c3, 12345),
      ];
      expect(await answersOf(elsewhere)).toEqual(['ECONNREFUSED', 'c3', 'peer']);
      const stream = await flows.world.hold('c2', tcpVip, PORT);
      expect(stream.first).toMatch(/^c3 /);
      const ids = await idsOf(family);
      await serve(serving(far));
      await serve();
      await agent.follow(intentOf([], family));
      expect(await idsOf(family)).toEqual(ids);
      expect(await stream.again()).toMatch(/^c3 /);
    });

    it('through a published port follow it: to another container, and to one that comes later', async () => {
      const { c2 } = PLACES[family];
      const publish = (address?: string) => {
        const port = { protocol: 'udp', hostPort: 5353, port: SERVER_PORT } as const;
        const published = address === undefined ? [] : [publishedIntent({ ...port, address })];
        return agent.follow({ ...intentOf([tcp], family), published });
      };
      await publish();
      const all = [client('client', host, 5353), client('host', host, 5353)];
      expect(await answersOf(all)).toEqual(['ECONNREFUSED']);
      await publish(c3);
      expect(await answersOf(all)).toEqual(['c3']);
      expect((await publish(c2)).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(['c2']);
      expect((await publish()).forgotten).toBe(all.length);
      expect(await answersOf(all)).toEqual(['ECONNREFUSED']);
    });

    it('that a program of the host answers are left to it', async () => {
      const port = NODE_PORT + (family === 'ipv4' ? 1 : 2);
      await serve();
      await flows.world.listen('host', SERVE_ONE, [port]);
      const one = client('client', host, port);
      expect(await who(one)).toBe('mine');
      const cleaning = await serve({ ...serving(here), nodePort: port });
      expect(cleaning.forgotten).toBe(0);
      expect(await who(one)).toBe('mine');
      expect(await who(client('client', host, port))).toBe('c3');
    });
  });
});

/** Answers `mine` to whoever asks by UDP. Argument: port. Prints `ready`. */
const SERVE_ONE = `
const socket = require('dgram').createSocket('udp6');
socket.on('message', (_, from) => socket.send('mine', from.port, from.address));
socket.bind(Number(process.argv[1]), '::', () => console.log('ready'));
`;
