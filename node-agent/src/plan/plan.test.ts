import type { DesiredHost } from '@causeway/shared/desired/host';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import { describe, expect, it } from 'vitest';
import type { Observed, ObservedFirewall, ObservedNetwork, ObservedRoute } from './observed.ts';
import { blockedBy, PHASES } from './order.ts';
import { plan, planChange } from './plan.ts';
import { planRemoval } from './removal.ts';
import type { StepKind } from './step.ts';

/** Rules that are their intent: what is tested here is what happens with them, not what they say. */
const ruleset: Ruleset = {
  full: (intent, listing) => `full ${intent.subnet} over "${listing}"`,
  change: (from, to) => (from.subnet === to.subnet ? '' : `${from.subnet} -> ${to.subnet}`),
  clean: (listing) => (listing === '' ? '' : `clean ${listing}`),
  drift: (intent, listing) => (listing === intent.subnet ? [] : ['a', 'b', 'c', 'd']),
  parts: (input) => [input],
};
const rulesets = { nftables: ruleset, iptables: ruleset };

const desired: DesiredHost = {
  bridge: { name: 'cwy0', address: '10.10.1.1/24', mtu: 1450 },
  routes: [{ destination: '10.10.2.0/24', gateway: '192.168.122.12', device: 'eth0' }],
  sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/eth0.5/send_redirects': '0' },
  firewall: {
    ...{ network: '10.10.0.0/16', subnet: '10.10.1.0/24', bridge: 'cwy0', mark: 0x2000 },
    ...{ serviceRange: '10.96.0.0/16', services: [] },
  },
  peers: [],
  problems: [],
};
const ours: ObservedRoute = {
  ...{ destination: '10.10.2.0/24', type: 'unicast', gateway: '192.168.122.12', device: 'eth0' },
  ...{ protocol: 88, metric: 0 },
};
const connected: ObservedRoute = {
  ...{ destination: '10.10.1.0/24', type: 'unicast', device: 'cwy0', protocol: 2, metric: 0 },
};
const network: ObservedNetwork = {
  bridge: { mtu: 1450, up: true, addresses: ['10.10.1.1/24'] },
  routes: [connected, ours],
  sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/eth0.5/send_redirects': '0' },
};
const firewall: ObservedFirewall = { tool: 'nft', listing: '10.10.1.0/24', leftovers: [] };

const texts = (observed: Observed, host = desired) =>
  plan(host, observed, rulesets).steps.map((step) => step.text);
const withRoutes = (...routes: ObservedRoute[]) => ({
  network: { ...network, routes: [connected, ...routes] },
});

describe('a plan', () => {
  it('is empty when nothing differs', () => {
    expect(plan(desired, { network, firewall }, rulesets)).toEqual({ steps: [], problems: [], blocked: [] });
  });

  it('says nothing of what was not looked at', () => {
    expect(texts({})).toEqual([]);
    expect(texts({ firewall: { ...firewall, listing: '' } })).toHaveLength(1);
  });

  it('starts from nothing in this order', () => {
    const empty: ObservedNetwork = {
      routes: [],
      sysctls: { ...network.sysctls, 'net/ipv4/ip_forward': '0' },
    };
    expect(texts({ network: empty, firewall: { ...firewall, listing: '' } })).toEqual([
      'create bridge cwy0',
      'set cwy0 up with MTU 1450',
      'add address 10.10.1.1/24 to cwy0',
      'set net.ipv4.ip_forward = 1 (was 0)',
      'add route 10.10.2.0/24 via 192.168.122.12 dev eth0',
      'write all rules of ours to nft: a; b; c; and 1 more',
    ]);
  });

  it('makes before it breaks', () => {
    const stale = { ...ours, destination: '10.10.9.0/24' };
    const leftovers = [{ tool: 'iptables-nft' as const, listing: 'old rules' }];
    const observed: Observed = {
      network: { ...network, routes: [stale, connected] },
      firewall: { ...firewall, listing: '', leftovers },
    };
    const kinds = plan(desired, observed, rulesets).steps.map((step) => step.kind);
    expect(kinds).toEqual(['route-add', 'firewall-apply', 'firewall-clean', 'route-delete']);
  });

  it('gives the full rules what is listed, and cleans what is left over', () => {
    const leftovers = [{ tool: 'iptables-legacy' as const, listing: 'old' }];
    const { steps } = plan(desired, { firewall: { ...firewall, listing: 'x', leftovers } }, rulesets);
    expect(steps).toMatchObject([
      {
        kind: 'firewall-apply',
        tool: 'nft',
        input: 'full 10.10.1.0/24 over "x"',
        reasons: ['a', 'b', 'c', 'd'],
      },
      { kind: 'firewall-clean', tool: 'iptables-legacy', input: 'clean old' },
    ]);
  });

  it('gives the bridge a fixed address of its own', () => {
    const { steps } = plan(desired, { network: { routes: [], sysctls: network.sysctls } }, rulesets);
    expect(steps[0]).toMatchObject({ kind: 'link-add', mac: '0a:58:0a:0a:01:01' });
  });
});

describe('routes', () => {
  it.each<[string, readonly ObservedRoute[], readonly string[]]>([
    ['missing', [], ['add route 10.10.2.0/24 via 192.168.122.12 dev eth0']],
    [
      'with the wrong gateway',
      [{ ...ours, gateway: '192.168.122.99' }],
      ['replace route 10.10.2.0/24 via 192.168.122.99 dev eth0 by 10.10.2.0/24 via 192.168.122.12 dev eth0'],
    ],
    [
      'of another metric',
      [{ ...ours, gateway: '192.168.122.99', metric: 7 }],
      [
        'add route 10.10.2.0/24 via 192.168.122.12 dev eth0',
        'remove stale route 10.10.2.0/24 via 192.168.122.99 dev eth0 metric 7',
      ],
    ],
    [
      'doubled',
      [ours, { ...ours, metric: 7 }],
      ['remove stale route 10.10.2.0/24 via 192.168.122.12 dev eth0 metric 7'],
    ],
    ['foreign with the same way', [{ ...ours, protocol: 3 }], []],
  ])('%s', (_, routes, expected) => expect(texts(withRoutes(...routes))).toEqual(expected));

  it('that are not ours are a problem where they lead elsewhere, and stay', () => {
    const { steps, problems, blocked } = plan(
      desired,
      withRoutes({ ...ours, gateway: '192.168.122.99', protocol: 3 }),
      rulesets,
    );
    expect(steps).toEqual([]);
    expect(blocked).toEqual(['10.10.2.0/24']);
    expect(problems).toEqual([
      'adding route 10.10.2.0/24 via 192.168.122.12: a route that is not ours leads elsewhere ' +
        '(10.10.2.0/24 via 192.168.122.99 dev eth0, protocol 3); it was left alone',
    ]);
  });

  it('to the own subnet through another link are a problem', () => {
    const docker = { ...connected, device: 'docker0' };
    expect(plan(desired, withRoutes(ours, docker), rulesets).problems).toEqual([
      'attaching 10.10.1.0/24 to cwy0: another route leads there (10.10.1.0/24 dev docker0)',
    ]);
  });
});

describe('sysctls', () => {
  const observe = (sysctls: ObservedNetwork['sysctls']) => ({ network: { ...network, sysctls } });

  it('are written as the sysctl command does, also where a link’s name holds a dot', () => {
    const sysctls = { ...network.sysctls, 'net/ipv4/conf/eth0.5/send_redirects': '1' };
    expect(texts(observe(sysctls))).toEqual(['set net.ipv4.conf.eth0/5.send_redirects = 0 (was 1)']);
  });

  it('of several numbers are the same whatever is between them', () => {
    const host = { ...desired, sysctls: { 'net/ipv4/ip_local_port_range': '1024 65535' } };
    expect(texts(observe({ 'net/ipv4/ip_local_port_range': '1024\t65535' }), host)).toEqual([]);
  });

  it('of the bridge are set once it is there', () => {
    const host = { ...desired, sysctls: { 'net/ipv4/conf/cwy0/send_redirects': '0' } };
    const kinds = plan(host, { network: { routes: [ours], sysctls: {} } }, rulesets).steps.map(
      (step) => step.kind,
    );
    expect(kinds).toEqual(['link-add', 'link-set', 'address-add', 'sysctl-set']);
  });
});

describe('order', () => {
  it('has a place and a reason for every kind of step', () => {
    const kinds: Record<StepKind, true> = {
      ...{
        'link-add': true,
        'link-set': true,
        'link-delete': true,
        'address-add': true,
        'address-delete': true,
      },
      ...{ 'route-add': true, 'route-replace': true, 'route-delete': true, 'connected-add': true },
      ...{ 'sysctl-set': true, 'firewall-apply': true, 'firewall-clean': true },
    };
    expect(PHASES.flatMap((phase) => phase.kinds).sort()).toEqual(Object.keys(kinds).sort());
    expect(PHASES.every((phase) => phase.reason.length > 10)).toBe(true);
  });

  it('keeps the other dataplane until the chosen one holds', () => {
    const [step] = planRemoval(
      { links: [], routes: [], firewalls: [{ tool: 'nft', listing: 'x' }] },
      rulesets,
    );
    if (step === undefined) throw new Error('no step');
    expect(blockedBy(step, new Set())).toBeUndefined();
    expect(blockedBy(step, new Set(['route-add']))).toBeUndefined();
    expect(blockedBy(step, new Set(['firewall-apply']))).toBe('firewall-apply');
  });
});

describe('a change of services', () => {
  it('is one step, or none', () => {
    const to = { ...desired.firewall, subnet: '10.10.5.0/24' };
    expect(planChange(desired.firewall, desired.firewall, 'nft', rulesets)).toBeUndefined();
    expect(planChange(desired.firewall, to, 'iptables-nft', rulesets)).toMatchObject({
      kind: 'firewall-apply',
      input: '10.10.1.0/24 -> 10.10.5.0/24',
    });
  });
});
