import type { DesiredHost } from '@causeway/shared/desired/host';
import type { FirewallIntent } from '@causeway/shared/desired/intent';
import type { Ruleset } from '@causeway/shared/rules/ruleset';
import { describe, expect, it } from 'vitest';
import { planChange } from './firewall.ts';
import type {
  FirewallListing,
  Observed,
  ObservedFirewall,
  ObservedNetwork,
  ObservedRoute,
} from './observed.ts';
import { plan } from './plan.ts';

/** Rules that are their intent: what is tested here is what happens with them, not what they say. */
const ruleset: Ruleset = {
  full: (intent, listing) => `full ${intent.subnet} over "${listing}"`,
  change: (from, to) => (from.services === to.services ? '' : 'other services'),
  clean: (listing) => (listing === '' ? '' : `clean ${listing}`),
  drift: (intent, listing) => (listing === intent.subnet ? [] : ['a', 'b', 'c', 'd']),
  beside: (_, listing) => ({ input: listing, reasons: [], holds: false }),
  parts: (input) => [input],
  speaking: () => [],
};
const rulesets = { nftables: ruleset, iptables: ruleset };

const intent: FirewallIntent = {
  ...{ family: 'ipv4', network: '10.10.0.0/16', subnet: '10.10.1.0/24', bridge: 'cwy0', mark: 0x2000 },
  ...{ serviceRange: '10.96.0.0/16', services: [], nodePortCidrs: [], published: [], policies: [] },
  ...{ masquerade: true, nonMasqueradeCidrs: [] },
};
const desired: DesiredHost = {
  bridge: { name: 'cwy0', addresses: ['10.10.1.1/24'], mtu: 1450 },
  tunnels: [],
  routes: [{ destination: '10.10.2.0/24', gateway: '192.168.122.12', device: 'eth0' }],
  sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/eth0.5/send_redirects': '0' },
  firewalls: [intent],
  peers: [],
  problems: [],
};
const ours: ObservedRoute = {
  ...{ family: 'ipv4', destination: '10.10.2.0/24', type: 'unicast', gateway: '192.168.122.12' },
  ...{ device: 'eth0', protocol: 88, metric: 0 },
};
const connected: ObservedRoute = {
  ...{ family: 'ipv4', destination: '10.10.1.0/24', type: 'unicast', device: 'cwy0', protocol: 2, metric: 0 },
};
const network: ObservedNetwork = {
  bridge: { mtu: 1450, up: true, addresses: ['10.10.1.1/24'] },
  tunnels: [],
  routes: [connected, ours],
  sysctls: { 'net/ipv4/ip_forward': '1', 'net/ipv4/conf/eth0.5/send_redirects': '0' },
};
const listed = (listing: string, tool: FirewallListing['tool'] = 'nft'): FirewallListing => ({
  ...{ tool, family: 'ipv4', listing },
});
const firewall: ObservedFirewall = { tool: 'nft', listings: [listed('10.10.1.0/24')], others: [] };
const unwritten: ObservedFirewall = { ...firewall, listings: [listed('')] };

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
    expect(texts({ firewall: unwritten })).toHaveLength(1);
  });

  it('starts from nothing in this order', () => {
    const sysctls = { ...network.sysctls, 'net/ipv4/ip_forward': '0' };
    expect(texts({ network: { tunnels: [], routes: [], sysctls }, firewall: unwritten })).toEqual([
      'create bridge cwy0',
      'set cwy0 up with MTU 1450',
      'set net.ipv4.ip_forward = 1 (was 0)',
      'add address 10.10.1.1/24 to cwy0',
      'add route 10.10.2.0/24 via 192.168.122.12 dev eth0',
      'write all IPv4 rules of ours to nft: a; b; c; and 1 more',
    ]);
  });

  it('makes before it breaks', () => {
    const stale = { ...ours, destination: '10.10.9.0/24' };
    const observed: Observed = {
      network: { ...network, routes: [stale, connected] },
      firewall: { ...unwritten, others: [listed('old rules', 'iptables-nft')] },
    };
    const kinds = plan(desired, observed, rulesets).steps.map((step) => step.kind);
    expect(kinds).toEqual(['route-add', 'firewall-apply', 'firewall-clean', 'route-delete']);
  });

  it('gives the full rules what is listed, and cleans what is left over', () => {
    const others = [listed('old', 'iptables-legacy')];
    const { steps } = plan(desired, { firewall: { ...firewall, listings: [listed('x')], others } }, rulesets);
    const input = 'full 10.10.1.0/24 over "x"';
    expect(steps).toMatchObject([
      { kind: 'firewall-apply', tool: 'nft', input, reasons: ['a', 'b', 'c', 'd'] },
      { kind: 'firewall-clean', tool: 'iptables-legacy', input: 'clean old' },
    ]);
  });

  it.each([
    ['10.10.1.1/24', '0a:58:0a:0a:01:01'],
    ['fd00:10:0:1::1/64', '0a:58:00:00:00:01'],
  ])('gives the bridge with %s a fixed address of its own', (address, mac) => {
    const host = { ...desired, bridge: { ...desired.bridge, addresses: [address] } };
    const { steps } = plan(
      host,
      { network: { tunnels: [], routes: [], sysctls: network.sysctls } },
      rulesets,
    );
    expect(steps[0]).toMatchObject({ kind: 'link-add', mac });
  });

  it('makes no bridge for a host without a subnet, and takes the addresses off one that is there', () => {
    const host = { ...desired, bridge: { ...desired.bridge, addresses: [] } };
    expect(texts({ network: { ...network, tunnels: [], routes: [ours] } }, host)).toEqual([
      'remove address 10.10.1.1/24 from cwy0',
    ]);
    const { bridge: _, ...bare } = network;
    expect(texts({ network: { ...bare, routes: [ours] } }, host)).toEqual([]);
  });

  it('clears an address of our own network first, since ours may go with it', () => {
    const addresses = ['10.10.1.77/24', '10.10.1.1/24', '10.99.9.1/24'];
    expect(texts({ network: { ...network, bridge: { mtu: 1450, up: true, addresses } } })).toEqual([
      'remove address 10.10.1.77/24 from cwy0, which stands in our network',
      'add address 10.10.1.1/24 to cwy0',
      'remove address 10.99.9.1/24 from cwy0',
    ]);
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
    [
      'foreign with the same way, but less precedence',
      [{ ...ours, protocol: 3, metric: 100 }],
      ['add route 10.10.2.0/24 via 192.168.122.12 dev eth0'],
    ],
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

  it('to the own subnet by way of a container are a problem', () => {
    const led = { ...connected, gateway: '10.10.1.5', device: 'cwy0', protocol: 3 };
    expect(plan(desired, withRoutes(ours, led), rulesets).problems).toEqual([
      'attaching 10.10.1.0/24 to cwy0: another route leads there (10.10.1.0/24 via 10.10.1.5 dev cwy0)',
    ]);
  });

  it('of a tunnel of ours that is on its way out are no problem', () => {
    const left = { ...connected, destination: '10.10.1.0/32', device: 'cwyx.1' };
    expect(plan(desired, withRoutes(ours, left), rulesets).problems).toEqual([]);
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
    const kinds = plan(host, { network: { tunnels: [], routes: [ours], sysctls: {} } }, rulesets).steps.map(
      (step) => step.kind,
    );
    expect(kinds).toEqual(['link-add', 'link-set', 'sysctl-set', 'address-add']);
  });
});

describe('a change of services', () => {
  it('is one step, or none', () => {
    expect(planChange([intent], [intent], 'nft', rulesets)).toEqual([]);
    expect(
      planChange([intent], [{ ...intent, services: [...intent.services] }], 'nft', rulesets),
    ).toMatchObject([{ kind: 'firewall-apply', input: 'other services' }]);
  });
});
