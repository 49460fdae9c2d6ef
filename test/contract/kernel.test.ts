import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { firewallLook, networkLook } from '../../node-agent/src/kernel/look.ts';
import type { FirewallTool, Observed } from '../../node-agent/src/plan/observed.ts';
import { plan } from '../../node-agent/src/plan/plan.ts';
import { planRemoval } from '../../node-agent/src/plan/removal.ts';
import type { DesiredHost } from '../../shared/src/desired/host.ts';
import { ruleset as iptables } from '../../shared/src/rules/iptables/index.ts';
import { ruleset as nftables } from '../../shared/src/rules/nftables/index.ts';
import { intentOf, TEST_SERVICE, testService } from '../support/intents.ts';
import { openFakeWorld, openRealWorld, type World } from '../support/kernel-worlds.ts';
import { hostOf } from '../support/network-damage.ts';
import { useKernelDriver } from '../support/real-kernel.ts';

/** The same cases for the kernel in miniature and the real one: what holds in the former holds in the latter. */
const rulesets = { nftables, iptables };
const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

const desired: DesiredHost = {
  ...hostOf({ families: 'dual', backend: 'host-gw' }),
  firewalls: [intentOf([TEST_SERVICE]), intentOf([testService('ipv6')], 'ipv6')],
};

const driver = useKernelDriver();

describe.each([
  { name: 'in miniature', open: async () => openFakeWorld() },
  { name: 'the real one', open: () => openRealWorld(driver.path) },
])('a kernel, $name', ({ open }) => {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });
  afterEach(() => world.close());

  const look = (tool: FirewallTool, host: DesiredHost): Promise<Observed> =>
    world.kernel.observe({ network: networkLook(host), firewall: firewallLook(host, tool) });
  const planNow = async (tool: FirewallTool = 'nft', host = desired) =>
    plan(host, await look(tool, host), rulesets);
  const converge = async (tool: FirewallTool = 'nft', host = desired) =>
    world.kernel.apply((await planNow(tool, host)).steps);
  const texts = async (tool?: FirewallTool, host?: DesiredHost) =>
    (await planNow(tool, host)).steps.map((step) => step.text);

  it.each(TOOLS)('holds what a plan for %s says, so that the next plan is empty', async (tool) => {
    const fates = await converge(tool);
    expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
    expect(fates.length).toBeGreaterThan(5);
    expect(await texts(tool)).toEqual([]);
  });

  it.each(TOOLS)('is mended when %s is flushed', async (tool) => {
    await converge(tool);
    await world.flush(tool);
    expect(await texts(tool)).toEqual([
      expect.stringMatching(/^write all IPv4 rules of ours/),
      expect.stringMatching(/^write all IPv6 rules of ours/),
    ]);
    await converge(tool);
    expect(await texts(tool)).toEqual([]);
  });

  it('loses its stale routes and has wrong gateways replaced, but only ours', async () => {
    await world.addRoute({ destination: '10.10.7.0/24', gateway: '192.168.122.17', protocol: 88 });
    await world.addRoute({ destination: '172.16.0.0/16', gateway: '192.168.122.17', protocol: 88 });
    await world.addRoute({ destination: '10.10.2.0/24', gateway: '192.168.122.99', protocol: 88 });
    await world.addRoute({ destination: '10.10.8.0/24', gateway: '192.168.122.18' });
    await converge();
    expect(await texts()).toEqual([]);
    const { network } = await look('nft', desired);
    const v4 = network?.routes.filter((route) => route.family === 'ipv4');
    const routes = v4?.map((route) => `${route.destination} ${route.gateway} ${route.protocol}`);
    expect(routes?.sort()).toEqual([
      '10.10.1.0/24 undefined 2',
      '10.10.2.0/24 192.168.122.12 88',
      '10.10.3.0/24 192.168.122.13 88',
      '10.10.8.0/24 192.168.122.18 3',
    ]);
  });

  it('keeps somebody else’s black hole, and tells of it', async () => {
    await world.addRoute({ destination: '10.10.2.0/24' });
    await world.addRoute({ destination: 'fd00:10:0:2::/64' });
    const { problems, blocked } = await planNow();
    expect(blocked).toEqual(['10.10.2.0/24', 'fd00:10:0:2::/64']);
    expect(problems).toEqual([
      expect.stringMatching(/^adding route 10.10.2.0\/24 .*\(blackhole 10.10.2.0\/24/),
      expect.stringMatching(/^adding route fd00:10:0:2::\/64 .*\(blackhole fd00:10:0:2::\/64/),
    ]);
    await converge();
    expect(await texts()).toEqual([]);
    const held = (await look('nft', desired)).network?.routes.filter((one) => one.type === 'blackhole');
    expect(held?.map((one) => [one.destination, one.protocol])).toEqual(blocked.map((to) => [to, 3]));
  });

  it('is content with somebody else’s route that leads the same way', async () => {
    await world.addRoute({ destination: '10.10.2.0/24', gateway: '192.168.122.12' });
    expect((await planNow()).problems).toEqual([]);
    await converge();
    expect(await texts()).toEqual([]);
    await world.deleteRoute('10.10.2.0/24');
    expect(await texts()).toEqual([expect.stringMatching(/^add route 10.10.2.0\/24/)]);
  });

  it('refuses one route without stopping the others', async () => {
    const bad = { destination: '10.10.4.0/24', gateway: '1.2.3.4', device: 'eth0' };
    const fates = await converge('nft', { ...desired, routes: [bad, ...desired.routes] });
    const failed = fates.filter(({ fate }) => fate === 'failed');
    expect(failed.map(({ step }) => step.text)).toEqual([expect.stringMatching(/10.10.4.0/)]);
    expect(failed[0]).toHaveProperty('error.message', expect.stringMatching(/Nexthop has invalid gateway/));
    expect(await texts()).toEqual([]);
  });

  it('keeps its rules when a change is refused, and those of the other dataplane', async () => {
    await converge('iptables-nft');
    const bad = 'table ip causeway {\n  chain x {\n    jump nowhere\n  }\n}\n';
    const { steps } = await planNow('nft');
    const spoilt = steps.map((step) => (step.kind === 'firewall-apply' ? { ...step, input: bad } : step));
    const fates = await world.kernel.apply(spoilt);
    expect(fates.map(({ step, fate }) => [step.kind, fate])).toEqual([
      ['firewall-apply', 'failed'],
      ['firewall-apply', 'failed'],
      ['firewall-clean', 'notExecuted'],
      ['firewall-clean', 'notExecuted'],
    ]);
    expect(await texts('iptables-nft')).toEqual([]);
  });

  it.each(TOOLS)('changes to %s and leaves nothing of the others behind', async (tool) => {
    for (const other of TOOLS.filter((one) => one !== tool)) await converge(other);
    await converge(tool);
    expect(await texts(tool)).toEqual([]);
    const { firewalls } = await world.kernel.remains();
    expect(firewalls.map((firewall) => [firewall.tool, firewall.family])).toEqual([
      [tool, 'ipv4'],
      [tool, 'ipv6'],
    ]);
  });

  it.each(TOOLS)('is after a removal what it was before, with %s', async (tool) => {
    await world.addRoute({ destination: '10.10.8.0/24', gateway: '192.168.122.18' });
    // The kernel changes these along with ip_forward, whatever somebody had set them to.
    await world.setSysctl('net/ipv4/conf/lo/forwarding', '1');
    await world.setSysctl('net/ipv4/conf/all/accept_redirects', '0');
    await world.setSysctl('net/ipv6/conf/lo/forwarding', '1');
    const before = await world.state();
    await converge(tool);
    expect(await world.state()).not.toEqual(before);
    const fates = await world.kernel.apply(planRemoval(await world.kernel.remains(), rulesets));
    expect(fates.filter(({ fate }) => fate !== 'done')).toEqual([]);
    const told = await world.kernel.restoreSysctls();
    expect(told).toContain('set net/ipv4/ip_forward back to 0');
    expect(told).toContain('set net/ipv6/conf/all/forwarding back to 0');
    await world.kernel.removeEmptyTables();
    expect(await world.state()).toEqual(before);
    expect(planRemoval(await world.kernel.remains(), rulesets)).toEqual([]);
    expect(await world.kernel.restoreSysctls()).toEqual([]);
  });

  it('leaves a sysctl alone that somebody else has changed since', async () => {
    const path = 'net/ipv4/conf/eth0/send_redirects';
    await world.setSysctl(path, '0');
    const host = { ...desired, sysctls: { [path]: '1' } };
    await converge('nft', host);
    expect(await world.sysctl(path)).toBe('1');
    await world.setSysctl(path, '0');
    expect(await world.kernel.restoreSysctls()).toEqual([]);
    expect(await world.sysctl(path)).toBe('0');
  });

  it('tells of a setting that it does not have instead of trying to change it', async () => {
    const host = { ...desired, sysctls: { 'net/bridge/no-such-setting': '1' } };
    const { steps, problems } = await planNow('nft', host);
    expect(steps.filter((step) => step.kind === 'sysctl-set')).toEqual([]);
    expect(problems).toEqual([expect.stringMatching(/no such setting; load the module br_netfilter/)]);
  });

  it('finds the link and the addresses to the other hosts', async () => {
    const who = { name: 'host-1', id: 'x' };
    const { facts, addresses } = await world.kernel.host(who);
    expect(facts).toMatchObject({
      ...{ iface: 'eth0', mtu: 1500 },
      ipv4: { publicIp: '192.168.122.11', network: '192.168.122.0/24' },
      ipv6: { publicIp: 'fd00:122::11', network: 'fd00:122::/64' },
    });
    expect(addresses).toEqual(['192.168.122.11', 'fd00:122::11']);
    await converge();
    expect((await world.kernel.host(who)).addresses).toEqual(addresses);
    await expect(world.kernel.host({ ...who, iface: 'eth9' })).rejects.toThrow(/iface "eth9"/);
    for (const destination of ['0.0.0.0/0', '::/0']) await world.deleteRoute(destination);
    await expect(world.kernel.host(who)).rejects.toThrow(/there is no default route/);
  });
});
