import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent, PolicyIntent, PolicySideIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { judgeOf } from '../../shared/src/rules/judge.ts';
import { publishedIntent } from '../support/any-published.ts';
import { DATAPLANES, type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import {
  type Held,
  openPacketWorld,
  type PacketWorld,
  PLACES,
  SERVER_PORT,
} from '../support/packet-world.ts';
import { SERVER } from '../support/talk.ts';

const VIP = { ipv4: '10.96.0.2', ipv6: 'fd00:96::2' } as const;

/** Whoever asks for it is served by c3: by a VIP, and by a published port. */
function intentFor(family: Family, policies: readonly PolicyIntent[]): FirewallIntent {
  const { c3 } = PLACES[family];
  const service = serviceIntent({ id: 'web', vip: VIP[family], endpoints: [endpoint(c3, SERVER_PORT)] });
  const published = [publishedIntent({ hostPort: 8080, address: c3, port: SERVER_PORT })];
  return { ...intentOf([service], family), published, policies };
}

const OPEN: PolicySideIntent = { default: 'allow', deny: [], allow: [], limited: [] };
const CLOSED: PolicySideIntent = { ...OPEN, default: 'deny' };

describe.each(DATAPLANES)('policies through %s', (name) => {
  let world: PacketWorld;
  let dataplane: Dataplane;
  let held: Record<Family, FirewallIntent>;

  const hold = async (family: Family, ...policies: readonly PolicyIntent[]) => {
    const intent = intentFor(family, policies);
    await dataplane.apply(family, dataplane.ruleset.change(held[family], intent));
    expect(dataplane.ruleset.drift(intent, await dataplane.list(family))).toEqual([]);
    held[family] = intent;
  };
  /** What each asker, once, is answered. */
  const expectOf = async (asked: Readonly<Record<string, string>>) => {
    const told = await Promise.all(
      Object.keys(asked).map(async (question) => {
        const [from = '', ...words] = question.split(' ');
        const target = words.join(' ');
        const isSilent = asked[question] === 'silence';
        const answers = await (isSilent ? world.silence(from, target) : world.answers(from, target, 1));
        return [question, answers.join()] as const;
      }),
    );
    expect(Object.fromEntries(told)).toEqual(asked);
  };
  /** A client may be given the port of an earlier one: what it asks belongs to a connection that stands then. */
  const forgetFlows = () => world.sh('conntrack -F');
  /** Whether a connection that stands is answered. */
  const goesOn = async ({ ask }: Held) => (await ask()) !== 'silence';

  beforeAll(async () => {
    world = await openPacketWorld();
    dataplane = dataplaneIn(world, name);
    expect(await world.listen('host', SERVER, ['host', SERVER_PORT])).toBe('ready');
    held = { ipv4: intentFor('ipv4', []), ipv6: intentFor('ipv6', []) };
    for (const family of FAMILIES) await dataplane.apply(family, dataplane.ruleset.full(held[family]));
  });
  afterAll(() => world.close());

  describe.each(FAMILIES)('%s', (family) => {
    const { c2, c3, bridge, host, peer, client, remote } = PLACES[family];
    const vip = VIP[family];
    const bits = family === 'ipv4' ? 32 : 128;
    const everybody = family === 'ipv4' ? '0.0.0.0/0' : '::/0';
    const one = (address: string) => ({ cidr: `${address}/${bits}` });
    const tcp = (cidr: string, firstPort: number, lastPort = firstPort) =>
      ({ cidr, protocol: 'tcp', firstPort, lastPort }) as const;
    const of = (subject: string, sides: Partial<PolicyIntent>): PolicyIntent => ({
      id: 'a1',
      subjects: [subject],
      ...sides,
    });

    it('let nobody in but whom they allow, by protocol and port: from outside, other hosts and the same bridge', async () => {
      const allow = [tcp(`${client}/${bits}`, SERVER_PORT), tcp(`${remote}/${bits}`, 1, 100)];
      await hold(family, of(c3, { ingress: { ...CLOSED, allow } }));
      await expectOf({
        [`client tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${client}`,
        [`client udp ${c3} ${SERVER_PORT}`]: 'silence',
        [`client tcp ${c3} 80`]: 'silence',
        [`peer tcp ${c3} ${SERVER_PORT}`]: 'silence',
        [`c2 tcp ${c3} ${SERVER_PORT}`]: 'silence',
        [`c2 udp ${c3} ${SERVER_PORT}`]: 'silence',
        // Whom it asks answers, and nobody else has a policy.
        [`c3 tcp ${c2} ${SERVER_PORT}`]: `c2 sees ${c3}`,
        [`c3 udp ${peer} ${SERVER_PORT}`]: `peer sees ${host}`,
        [`client tcp ${c2} ${SERVER_PORT}`]: `c2 sees ${client}`,
      });
    });

    it('judge whoever comes by a VIP or a published port by his own address, and never the host itself', async () => {
      await hold(family, of(c3, { ingress: { ...CLOSED, allow: [one(client)] } }));
      await expectOf({
        [`client tcp ${vip} 80`]: `c3 sees ${bridge}`,
        [`client tcp ${host} 8080`]: `c3 sees ${client}`,
        [`c2 tcp ${vip} 80`]: 'silence',
        [`c2 tcp ${host} 8080`]: 'silence',
        [`host tcp ${vip} 80`]: `c3 sees ${bridge}`,
        [`host tcp ${host} 8080`]: `c3 sees ${bridge}`,
        [`host tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${bridge}`,
        [`host udp ${c3} ${SERVER_PORT}`]: `c3 sees ${bridge}`,
      });
    });

    it('let a container connect to nobody but whom they allow, the host among them', async () => {
      await hold(family, of(c2, { egress: { ...CLOSED, allow: [tcp(`${c3}/${bits}`, SERVER_PORT)] } }));
      await expectOf({
        [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${c2}`,
        [`c2 udp ${c3} ${SERVER_PORT}`]: 'silence',
        // Allowed by where it leads.
        [`c2 tcp ${vip} 80`]: `c3 sees ${c2}`,
        [`c2 tcp ${host} 8080`]: `c3 sees ${c2}`,
        [`c2 tcp ${peer} ${SERVER_PORT}`]: 'silence',
        [`c2 tcp ${remote} ${SERVER_PORT}`]: 'silence',
        [`c2 tcp ${host} ${SERVER_PORT}`]: 'silence',
        [`c2 udp ${bridge} ${SERVER_PORT}`]: 'silence',
        [`client tcp ${c2} ${SERVER_PORT}`]: `c2 sees ${client}`,
        [`c3 tcp ${host} ${SERVER_PORT}`]: `host sees ${c3}`,
      });
      await hold(family, of(c2, { egress: { ...CLOSED, allow: [{ cidr: everybody }] } }));
      await expectOf({
        [`c2 tcp ${peer} ${SERVER_PORT}`]: `peer sees ${host}`,
        [`c2 udp ${bridge} ${SERVER_PORT}`]: `host sees ${c2}`,
      });
    });

    it('deny before they allow, and a destination before and after its translation', async () => {
      const allow = [{ cidr: everybody }];
      await hold(family, of(c2, { egress: { ...CLOSED, allow, deny: [tcp(`${vip}/${bits}`, 80)] } }));
      await expectOf({
        [`c2 tcp ${vip} 80`]: 'silence',
        [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${c2}`,
        [`c2 tcp ${host} 8080`]: `c3 sees ${c2}`,
      });
      await hold(family, of(c2, { egress: { ...OPEN, deny: [one(c3)] } }));
      await expectOf({
        [`c2 tcp ${vip} 80`]: 'silence',
        [`c2 tcp ${host} 8080`]: 'silence',
        [`c2 tcp ${c3} ${SERVER_PORT}`]: 'silence',
        [`c2 tcp ${peer} ${SERVER_PORT}`]: `peer sees ${host}`,
      });
    });

    it('ask both ends of a connection between two containers', async () => {
      const policies = [
        { id: 'a1', subjects: [c2], egress: { ...CLOSED, allow: [one(c3)] } },
        { id: 'b2', subjects: [c3], ingress: { ...OPEN, deny: [one(c2)] } },
      ];
      await hold(family, ...policies);
      await expectOf({ [`c2 tcp ${c3} ${SERVER_PORT}`]: 'silence' });
      await hold(family, ...policies.slice(0, 1));
      await expectOf({ [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${c2}` });
    });

    it('let as many new connections pass as a rate says, all askers together', async () => {
      const limited = [{ matches: [{ cidr: everybody }], connections: 1, per: 'hour', burst: 4 }] as const;
      await hold(family, of(c3, { ingress: { ...CLOSED, allow: [one(c2)], limited } }));
      await forgetFlows();
      const target = `udp ${c3} ${SERVER_PORT}`;
      for (const from of ['client', 'peer'] as const)
        expect((await world.ask(from, target, 2)).answers).toEqual({
          [`c3 sees ${PLACES[family][from]}`]: 2,
        });
      await expectOf({
        [`client ${target}`]: 'silence',
        [`peer ${target}`]: 'silence',
        [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${c2}`,
        [`client tcp ${c3} ${SERVER_PORT}`]: 'silence',
      });
    });

    // Whatever changes in a table of iptables-legacy, all of it is exchanged, and its buckets are full again.
    if (name !== 'iptables-legacy')
      it('keep what a rate has used up while all else changes', async () => {
        const limited = [{ matches: [{ cidr: everybody }], connections: 1, per: 'hour', burst: 4 }] as const;
        const policy = of(c3, { ingress: { ...OPEN, limited } });
        // What another test has used up of the same rate is forgotten.
        await hold(family);
        await hold(family, policy);
        await forgetFlows();
        const ask = () => world.silence('client', `udp ${c3} ${SERVER_PORT}`);
        const { answers } = await world.ask('client', `udp ${c3} ${SERVER_PORT}`, 4);
        expect(answers).toEqual({ [`c3 sees ${client}`]: 4 });
        expect(await ask()).toEqual(['silence']);
        const other = { id: 'b2', subjects: [c2], ingress: CLOSED };
        for (const more of [[other], [], [{ ...other, id: 'a0' }]]) {
          await hold(family, ...[policy, ...more].sort((a, b) => (a.id < b.id ? -1 : 1)));
          expect(await ask()).toEqual(['silence']);
        }
        await hold(family, { ...policy, subjects: [c2, c3].sort() });
        expect(await ask()).toEqual(['silence']);
        await hold(family, of(c3, { ingress: { ...CLOSED, deny: [one(remote)], limited } }));
        expect(await ask()).toEqual(['silence']);
      });

    it('let 100 through at once, and then 25 a minute', async () => {
      const limited = [
        { matches: [{ cidr: everybody }], connections: 25, per: 'minute', burst: 100 },
      ] as const;
      const policy = of(c3, { ingress: { ...CLOSED, limited } });
      await hold(family, policy);
      await forgetFlows();
      const since = performance.now();
      const atOnce = await world.ask('client', `udp ${c3} ${SERVER_PORT}`, 100);
      expect(atOnce.answers).toEqual({ [`c3 sees ${client}`]: 100 });
      await forgetFlows();
      const more = await Promise.all(
        Array.from({ length: 8 }, () => world.silence('client', `udp ${c3} ${SERVER_PORT}`)),
      );
      const passed = more.flat().filter((answer) => answer !== 'silence').length;
      expect(passed).toBeLessThanOrEqual(Math.ceil(((performance.now() - since) * 25) / 60_000));
      // The model counts what is limited as accepted, and nothing else here.
      const asked = { protocol: 'udp', source: client, destination: c3, port: SERVER_PORT };
      expect(judgeOf([policy])(asked)).toBe('accept');
      // A datagram that comes too early is not sent again.
      const next = () => world.silence('client', `udp ${c3} ${SERVER_PORT}`);
      await expect.poll(next, { timeout: 60_000 }).toEqual([`c3 sees ${client}`]);
    });

    it.each(['c2', 'c3'])(
      'let what stands go on, and take no forgotten connection for a new one: policy of %s',
      async (subject) => {
        await hold(family);
        const connection = await world.hold('c2', c3, SERVER_PORT);
        // It says nothing of those that `subject` begins, or that come to it.
        const silent = { [subject === 'c2' ? 'ingress' : 'egress']: { ...OPEN, deny: [one(remote)] } };
        await hold(family, of(PLACES[family][subject as 'c2' | 'c3'], silent));
        expect(await goesOn(connection)).toBe(true);
        await world.sh('conntrack -F');
        expect(await goesOn(connection)).toBe(false);
        await expectOf({ [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${c2}` });
      },
    );

    it('go without a trace', async () => {
      await hold(family, of(c3, { ingress: CLOSED, egress: { ...CLOSED, deny: [one(peer)] } }));
      await hold(family);
      await expectOf({ [`client tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${client}` });
    });
  });

  it('leave no way around them by the addresses that every link of IPv6 has', async () => {
    const { c3 } = PLACES.ipv6;
    const linkLocalOf = async (link: string) => {
      const { stdout } = await world.sh(`ip ${link} scope link`);
      return /inet6 (fe80[^/]+)/.exec(stdout)?.[1] ?? '';
    };
    const [own2, own3, host] = await Promise.all(
      ['-n c2 -6 address show dev eth0', '-n c3 -6 address show dev eth0', '-6 address show dev cwy0'].map(
        linkLocalOf,
      ),
    );
    const questions = [
      `c2 tcp ${own3}%eth0 ${SERVER_PORT}`,
      `c2 udp ${own3}%eth0 ${SERVER_PORT}`,
      `c2 tcp ${host}%eth0 ${SERVER_PORT}`,
    ];
    const answers = [`c3 sees ${own2}%eth0`, `c3 sees ${own2}%eth0`, `host sees ${own2}%cwy0`];
    await hold('ipv6');
    await expectOf(Object.fromEntries(questions.map((question, i) => [question, answers[i] ?? ''])));
    await hold('ipv6', { id: 'a1', subjects: [c3], ingress: CLOSED });
    await expectOf(Object.fromEntries(questions.map((question) => [question, 'silence'])));
    await hold('ipv6', { id: 'a1', subjects: [c3], ingress: { ...OPEN, deny: [] } });
    // Neighbours find each other all the same.
    await world.sh('ip -n c2 neigh flush all');
    await expectOf({ [`c2 tcp ${c3} ${SERVER_PORT}`]: `c3 sees ${PLACES.ipv6.c2}` });
    await hold('ipv6');
  });
});
