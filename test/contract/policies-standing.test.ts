import { describe, expect, it } from 'vitest';
import { policiesOf } from '../../shared/src/desired/policies.ts';
import type { ContainerSpec } from '../../shared/src/model/container.ts';
import type { NetworkPolicy, PolicyRule } from '../../shared/src/model/network-policy.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { DATAPLANES } from '../support/dataplanes.ts';
import { snapshotOf } from '../support/desired-host.ts';
import { endpoint, intentOf, serviceIntent } from '../support/intents.ts';
import { type Held, type PacketWorld, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { SERVER } from '../support/talk.ts';
import { useFlowDriver, useFlowWorld } from './flows-world.ts';

/** From policies as somebody writes them to what becomes of connections that stand, through real rules. */
const VIPS = { ipv4: '10.96.0.80', ipv6: 'fd00:96::80' } as const satisfies Record<Family, string>;
const PORT = 80;

const spec = (name: string): ContainerSpec => ({ name, host: 'host-1', command: ['x'], files: {} });
const deny = (...cidrs: string[]): PolicyRule => ({ action: 'deny', peers: { cidrs } });

const driver = useFlowDriver();

describe.each(DATAPLANES)('connections that stand, with %s', (name) => {
  const flows = useFlowWorld(driver, name);

  describe.each(FAMILIES)('%s', (family) => {
    const { c2, c3, peer, client } = PLACES[family];
    const host = `/${family === 'ipv4' ? 32 : 128}`;
    const agent = flows.agent(family);
    const opened: Held[] = [];

    /** Brings the kernel to these policies, as the agent does: the rules first. */
    async function rule(...policies: readonly NetworkPolicy[]): Promise<number> {
      const service = serviceIntent({ id: 'web', vip: VIPS[family], port: PORT, endpoints: [endpoint(c3)] });
      const { byFamily } = policiesOf(snapshotOf({ policies }), {
        specs: [spec('c2'), spec('c3')],
        addresses: [
          { name: 'c2', addresses: { [family]: c2 } },
          { name: 'c3', addresses: { [family]: c3 } },
        ],
      });
      const to = { ...intentOf([service], family), policies: byFamily[family] };
      return (await agent.follow(to)).forgotten;
    }
    /** Without policies, and without what was opened before. */
    async function begin(): Promise<void> {
      agent.restart();
      await rule();
      await Promise.all(opened.splice(0).map((one) => one.reset()));
      await flows.world.sh('conntrack -F 2>/dev/null');
    }
    const open: PacketWorld['hold'] = async (from, address, port) => {
      const one = await flows.world.hold(from, address, port);
      opened.push(one);
      return one;
    };
    /** Only for what is not to be answered nobody waits any longer than needed. */
    const goOn = (all: readonly Held[], ...expected: readonly boolean[]) =>
      Promise.all(
        all.map(async (one, i) => (await (expected[i] ? one.again() : one.ask())) !== 'silence'),
      ).then((found) => expect(found).toEqual(expected));
    /** To c3: from its neighbour, from outside, from its host, and through a VIP; and from it. */
    const everybody = () =>
      Promise.all([
        open('c2', c3, SERVER_PORT),
        open('client', c3, SERVER_PORT),
        open('host', c3, SERVER_PORT),
        open('c2', VIPS[family], PORT),
        open('c3', peer, SERVER_PORT),
      ]);
    const policy = (more: Partial<NetworkPolicy>): NetworkPolicy => ({
      ...{ name: 'p', subjects: { containers: ['c3'] } },
      ...more,
    });

    it('end where a policy refuses them, and go on elsewhere', async () => {
      await begin();
      const all = await everybody();
      const blocked = policy({ ingress: { rules: [deny(client + host)] } });
      expect(await rule(blocked)).toBe(1);
      await goOn(all, true, false, true, true, true);
      expect(await flows.world.silence('client', `tcp ${c3} ${SERVER_PORT}`)).toEqual(['silence']);
    });

    it('end by the default, but for what is allowed and what the host has begun', async () => {
      await begin();
      const all = await everybody();
      const rules: PolicyRule[] = [{ action: 'allow', peers: { cidrs: [client + host] } }];
      expect(await rule(policy({ ingress: { default: 'deny', rules } }))).toBe(2);
      await goOn(all, false, true, true, false, true);
    });

    it('end by what was asked for, and by where they lead', async () => {
      await begin();
      const all = await everybody();
      const subjects = { containers: ['c2'] };
      const vip = policy({ subjects, egress: { rules: [deny(VIPS[family] + host)] } });
      const out = { ...policy({ egress: { default: 'deny', rules: [] } }), name: 'q' };
      expect(await rule(vip, out)).toBe(2);
      await goOn(all, true, true, true, false, false);
    });

    it('are not taken for new ones when the policy is gone again', async () => {
      await begin();
      const one = await open('client', c3, SERVER_PORT);
      const other = policy({ name: 'other', egress: { rules: [deny('198.18.0.0/15', 'fd00:99::/32')] } });
      expect(await rule(policy({ ingress: { rules: [deny(client + host)] } }), other)).toBe(1);
      expect(await rule(other)).toBe(0);
      await goOn([one], false);
      expect(await flows.world.answers('client', `tcp ${c3} ${SERVER_PORT}`, 1)).toEqual([
        `c3 sees ${client}`,
      ]);
    });

    if (family === 'ipv6')
      it('by link-local addresses end with the first policy, whomever it means', async () => {
        await begin();
        const at = async (where: string, link: string) => {
          const { stdout } = await flows.world.sh(`ip ${where} -6 address show dev ${link} scope link`);
          return `${/inet6 (fe80[^/]+)/.exec(stdout)?.[1] ?? ''}%eth0`;
        };
        const [neighbour, host] = [await at('-n c3', 'eth0'), await at('', 'cwy0')];
        expect(await flows.world.listen('host', SERVER, ['host', SERVER_PORT])).toBe('ready');
        const all = [await open('c2', neighbour, SERVER_PORT), await open('c2', host, SERVER_PORT)];
        expect(await rule(policy({ subjects: { containers: ['c3'] }, egress: { rules: [] } }))).toBe(0);
        await goOn(all, true, true);
        const speaking = policy({ egress: { rules: [deny('198.18.0.0/15', 'fd00:99::/32')] } });
        expect(await rule(speaking)).toBe(2);
        await goOn(all, false, false);
      });

    it('that are echo requests end, too', async () => {
      await begin();
      const listed = async () =>
        (
          await flows.world.sh(
            `conntrack -L -f ${family} -p ${family === 'ipv4' ? 'icmp' : 'icmpv6'} 2>/dev/null || :`,
          )
        ).stdout;
      const ping = (count: number) => `ip netns exec client ping -c ${count} -i 0.2 -W 1 ${c3}`;
      expect((await flows.world.sh(ping(1))).stdout).toContain(' 0% packet loss');
      expect(await listed()).toContain(client);
      expect(await rule(policy({ ingress: { rules: [deny(client + host)] } }))).toBeGreaterThan(0);
      expect(await listed()).not.toContain(`src=${client} dst=${c3}`);
      expect((await flows.world.sh(`${ping(2)} || :`)).stdout).toContain(' 100% packet loss');
    });
  });
});
