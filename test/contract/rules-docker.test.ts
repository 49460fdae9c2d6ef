import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planClean, planFirewall } from '../../node-agent/src/plan/firewall.ts';
import { dataplaneOf, type FirewallListing, type FirewallTool } from '../../node-agent/src/plan/observed.ts';
import type { FirewallStep } from '../../node-agent/src/plan/step.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { DOCKER, DOCKER_STARTS_AGAIN, dockerRules } from '../support/docker.ts';
import { intentOf, testService } from '../support/intents.ts';
import { openPacketWorld, type PacketWorld, PLACES, SERVER_PORT } from '../support/packet-world.ts';
import { SERVER } from '../support/talk.ts';

const RULESETS = { nftables, iptables };
const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];
const DOCKERS = ['iptables-nft', 'iptables-legacy'] as const;
const INTENTS = FAMILIES.map((family) => intentOf([testService(family)], family));

/** Docker's bridge with its container, whose port 80 is published as the host's 8080. */
const DOCKER_NETWORK = `
ip link add bridge1 type bridge
ip netns add d1
ip netns exec d1 sh -c 'echo 0 > /proc/sys/net/ipv6/conf/default/accept_dad'
ip link add d1 type veth peer name eth0 netns d1
ip link set d1 master bridge1 up
ip link set bridge1 up
ip -n d1 link set eth0 up
${Object.values(DOCKER)
  .map(
    ({ network, gateway, container }) => `
ip address add ${gateway}/${network.split('/')[1]} dev bridge1
ip -n d1 address add ${container}/${network.split('/')[1]} dev eth0
ip -n d1 route add default via ${gateway}
`,
  )
  .join('')}
`;

/** An address behind the second host, which the host leads to for whoever is let through. */
const THROUGH = { ipv4: '203.0.113.1', ipv6: '2001:db8:9::1' } as const;

/** Docker has given the containers of our bridge their addresses, so it guards them like its own. */
function rulesOfDocker(family: Family): string {
  const { c2, c3 } = PLACES[family];
  return dockerRules(family, [
    { address: c2, link: 'cwy0' },
    { address: c3, link: 'cwy0' },
  ]);
}

const combinations = TOOLS.flatMap((tool) => DOCKERS.map((docker) => ({ tool, docker })));

describe.each(combinations)('$tool beside a Docker that uses $docker', ({ tool, docker }) => {
  let world: PacketWorld;
  /** Everything that the iptables held before our first rule. */
  let before: readonly FirewallListing[];

  beforeAll(async () => {
    world = await openPacketWorld();
    await world.sh(DOCKER_NETWORK);
    for (const address of Object.values(THROUGH)) await world.sh(`ip -n peer address add ${address} dev lo`);
    await world.listen('d1', SERVER, ['d1', 80]);
    for (const family of FAMILIES) await restore(docker, family, rulesOfDocker(family));
    before = await listAll();
  });
  afterAll(() => world.close());

  function programOf(which: FirewallTool, family: Family): string {
    return family === 'ipv6' ? which.replace('iptables', 'ip6tables') : which;
  }
  async function restore(which: FirewallTool, family: Family, input: string): Promise<void> {
    if (which === 'nft') await world.exec('nft', ['-f', '-'], { input });
    else await world.exec(`${programOf(which, family)}-restore`, ['--noflush'], { input });
  }
  async function list(which: FirewallTool, family: Family): Promise<FirewallListing> {
    const command =
      which === 'nft'
        ? `nft -j list table ${family === 'ipv4' ? 'ip' : 'ip6'} causeway 2>/dev/null || :`
        : `${programOf(which, family)}-save`;
    const { stdout } = await world.sh(command);
    return { tool: which, family, listing: stdout.replace(/^#.*\n/gm, '').replace(/\[\d+:\d+\]/g, '[0:0]') };
  }
  function listAll(): Promise<readonly FirewallListing[]> {
    return Promise.all(TOOLS.flatMap((which) => FAMILIES.map((family) => list(which, family))));
  }
  async function plan(): Promise<readonly FirewallStep[]> {
    const all = await listAll();
    const listings = all.filter((one) => one.tool === tool);
    return planFirewall(
      INTENTS,
      { tool, listings, others: all.filter((one) => one.tool !== tool) },
      RULESETS,
    );
  }
  async function carryOut(steps: readonly FirewallStep[]): Promise<void> {
    for (const step of steps) await restore(step.tool, step.family, step.input);
  }

  /** What containers of ours may do, in and out. */
  async function expectTraffic(family: Family): Promise<void> {
    const { c2, c3, remote, peer, host, client, bridge } = PLACES[family];
    // They find each other anew: neighbour discovery passes too.
    for (const name of ['c2', 'c3']) await world.sh(`ip -n ${name} neighbour flush all`);
    const answers = await allOf({
      out: world.answers('c2', `tcp ${remote} ${SERVER_PORT}`),
      outside: world.answers('c2', `tcp ${peer} ${SERVER_PORT}`),
      in: world.answers('client', `tcp ${c3} ${SERVER_PORT}`),
      neighbour: world.answers('c2', `tcp ${c3} ${SERVER_PORT}`),
      service: world.answers('client', `tcp ${testService(family).vip} 88`, 40),
    });
    expect(answers).toEqual({
      ...{ out: [`peer sees ${c2}`], outside: [`peer sees ${host}`] },
      ...{ in: [`c3 sees ${client}`], neighbour: [`c3 sees ${c2}`] },
      service: [`c2 sees ${bridge}`, `peer sees ${host}`],
    });
  }

  /** How Docker's container is guarded, and that nothing else is let through. */
  async function expectDocker(family: Family): Promise<void> {
    const { host, peer } = PLACES[family];
    const { container } = DOCKER[family];
    const answers = await allOf({
      published: world.answers('client', `tcp ${host} 8080`),
      direct: world.silence('client', `tcp ${container} 80`),
      outside: world.answers('d1', `tcp ${peer} ${SERVER_PORT}`),
      through: world.silence('client', `tcp ${THROUGH[family]} ${SERVER_PORT}`),
    });
    expect(answers).toEqual({
      published: [`d1 sees ${PLACES[family].client}`],
      ...{ direct: ['silence'], outside: [`peer sees ${host}`], through: ['silence'] },
    });
  }

  describe.each(FAMILIES)('%s', (family) => {
    it('is cut off by Docker before', async () => {
      await carryOut(planClean(await listAll(), RULESETS));
      const { c3, remote } = PLACES[family];
      const answers = await allOf({
        out: world.silence('c2', `tcp ${remote} ${SERVER_PORT}`),
        in: world.silence('client', `tcp ${c3} ${SERVER_PORT}`),
      });
      expect(answers).toEqual({ out: ['silence'], in: ['silence'] });
      await expectDocker(family);
    });

    it('forwards what is of the container network, and leaves the rest to Docker', async () => {
      await carryOut(await plan());
      expect(await plan()).toEqual([]);
      await expectTraffic(family);
      await expectDocker(family);
    });

    it.each([
      ['starts anew, and puts its rules in front', DOCKER_STARTS_AGAIN],
      ['is in a firewall that was flushed', '*filter\n-F FORWARD\n-A FORWARD -j DOCKER-FORWARD\nCOMMIT\n'],
    ])('is put in front again when Docker %s', async (_, input) => {
      await carryOut(await plan());
      await restore(docker, family, input);
      const steps = await plan();
      expect(steps.map((step) => [step.tool, step.family])).toEqual([[docker, family]]);
      await carryOut(steps);
      expect(await plan()).toEqual([]);
      await resetDocker(family);
    });

    it('is cut off when Docker puts a drop in front, and back when it is mended', async () => {
      await carryOut(await plan());
      const { c3, client } = PLACES[family];
      await restore(docker, family, `*raw\n-I PREROUTING -d ${c3} ! -i cwy0 -j DROP\nCOMMIT\n`);
      const target = `tcp ${c3} ${SERVER_PORT}`;
      expect(await world.silence('client', target)).toEqual(['silence']);
      await carryOut(await plan());
      expect(await world.answers('client', target, 1)).toEqual([`c3 sees ${client}`]);
      await resetDocker(family);
    });
  });

  it('lets containers of one bridge speak by their link-local addresses, as their neighbour discovery does', async () => {
    await carryOut(await plan());
    const linkLocal = async (name: string) => {
      const { stdout } = await world.sh(`ip -n ${name} -6 -o address show dev eth0 scope link`);
      return / inet6 ([^/]+)/.exec(stdout)?.[1] ?? '';
    };
    const [c2, c3] = [await linkLocal('c2'), await linkLocal('c3')];
    expect(await world.answers('c2', `tcp ${c3}%eth0 ${SERVER_PORT}`, 1)).toEqual([`c3 sees ${c2}%eth0`]);
  });

  it('makes nothing where nothing of others is, and leaves exactly what was there', async () => {
    await carryOut(await plan());
    const idle = DOCKERS.filter((one) => one !== docker && one !== tool);
    for (const which of idle)
      for (const family of FAMILIES) expect((await list(which, family)).listing).not.toContain('CWY-');
    await carryOut(planClean(await listAll(), RULESETS));
    const after = await listAll();
    const held = (all: readonly FirewallListing[]) =>
      all.filter((one) => one.tool === docker || dataplaneOf(one.tool) === 'nftables');
    expect(held(after)).toEqual(held(before));
    expect(after.map(({ listing }) => listing).join()).not.toContain('CWY-');
  });

  /** Docker's rules as they were at first, and none of ours. */
  async function resetDocker(family: Family): Promise<void> {
    await carryOut(planClean(await listAll(), RULESETS));
    const program = programOf(docker, family);
    await world.sh(
      ['nat', 'filter', 'raw'].map((t) => `${program} -t ${t} -F; ${program} -t ${t} -X`).join('\n'),
    );
    await restore(docker, family, rulesOfDocker(family));
  }
});

/** The values of promises that run side by side. */
async function allOf(
  promises: Readonly<Record<string, Promise<readonly string[]>>>,
): Promise<Readonly<Record<string, readonly string[]>>> {
  const values = await Promise.all(Object.values(promises));
  return Object.fromEntries(Object.keys(promises).map((key, i) => [key, values[i] ?? []]));
}
