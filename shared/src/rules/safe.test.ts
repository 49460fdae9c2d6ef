import { describe, expect, it } from 'vitest';
import { endpoint, intentOf, serviceIntent, testService } from '../../../test/support/intents.ts';
import type { FirewallIntent } from '../desired/intent.ts';
import { completeNetworkConfig } from '../model/network.schema.ts';
import { ruleset as iptables } from './iptables/index.ts';
import { ruleset as nftables } from './nftables/index.ts';
import { safe } from './safe.ts';

const INTENT: FirewallIntent = {
  ...intentOf([
    serviceIntent({
      ...{ id: 'a', vip: '2.2.2.2', port: 88, nodePort: 30001, externalPolicy: 'local' },
      endpoints: [endpoint('10.10.1.2', 80)],
      localEndpoints: [endpoint('10.10.1.2', 80)],
      sourceRanges: ['192.0.2.0/24'],
    }),
  ]),
  nonMasqueradeCidrs: ['192.0.2.0/24'],
  nodePortCidrs: ['192.168.122.0/24'],
};

/** Every leaf of the intent that is rendered. */
const LEAVES: readonly (readonly (string | number)[])[] = [
  ['network'],
  ['subnet'],
  ['serviceRange'],
  ['nonMasqueradeCidrs', 0],
  ['nodePortCidrs', 0],
  ['mark'],
  ['services', 0, 'vip'],
  ['services', 0, 'protocol'],
  ['services', 0, 'port'],
  ['services', 0, 'nodePort'],
  ['services', 0, 'endpoints', 0, 'address'],
  ['services', 0, 'endpoints', 0, 'port'],
  ['services', 0, 'endpoints', 0, 'weight'],
  ['services', 0, 'localEndpoints', 0, 'address'],
  ['services', 0, 'localEndpoints', 0, 'port'],
  ['services', 0, 'localEndpoints', 0, 'weight'],
  ['services', 0, 'sourceRanges', 0],
];

const EVIL = [
  'x',
  '10.10.0.0/16; flush ruleset',
  '2.2.2.2\n-A INPUT -j DROP',
  '',
  '256.1.1.1',
  '1 : accept',
  'fd00::1',
  'fd00::/64',
  0.5,
  -1,
];

describe.each([
  ['nftables', nftables],
  ['iptables', iptables],
])('what nobody may smuggle into %s', (_, ruleset) => {
  it.each(LEAVES.map((path) => [path.join('.'), path] as const))('is refused in %s', (_name, path) => {
    for (const evil of EVIL) {
      const intent = withLeaf(INTENT, path, evil);
      expect(() => ruleset.full(intent), String(evil)).toThrow(/^rendering rules: /);
      expect(() => ruleset.change(INTENT, intent), String(evil)).toThrow(/^rendering rules: /);
    }
  });

  it.each(['x"', 'x\ny', 'x y', 'X', '', 'x'.repeat(300)])('is never a service id: %j', (id) => {
    const render = () => ruleset.full(withLeaf(INTENT, ['services', 0, 'id'], id));
    if (ruleset === iptables) expect(render).toThrow(/^rendering rules: service id/);
    else expect(render()).toBe(ruleset.full(INTENT));
  });

  it.each([
    'FD00::1',
    'fd00:0::1',
    '::ffff:192.0.2.1',
    '::ffff:c000:201',
    '::1.2.3.4',
    'fe80::1%eth0',
    '10.10.1.2',
  ])('is refused as an IPv6 address, since the kernel would list it in another form: %s', (address) => {
    const service = { ...testService('ipv6'), endpoints: [endpoint(address)] };
    expect(() => ruleset.full(intentOf([service], 'ipv6'))).toThrow(/^rendering rules: address/);
  });

  it('is refused before the kernel sees two services on one address and port', () => {
    const services = INTENT.services.flatMap((one) => [one, { ...one, id: 'b' }]);
    if (ruleset === nftables) expect(() => ruleset.full({ ...INTENT, services })).toThrow('is claimed twice');
  });
});

function withLeaf(
  intent: FirewallIntent,
  path: readonly (string | number)[],
  value: unknown,
): FirewallIntent {
  const copy = structuredClone(intent);
  let at: unknown = copy;
  for (const step of path.slice(0, -1)) at = Reflect.get(Object(at), step);
  Reflect.set(Object(at), path.at(-1) ?? '', value);
  return copy;
}

it('drops unused addresses of the service range, and nothing where there is none', () => {
  const { serviceRange: _, ...without } = INTENT;
  for (const ruleset of [nftables, iptables]) {
    expect(ruleset.full(INTENT)).toContain('10.96.0.0/16');
    expect(ruleset.full(without)).not.toMatch(/10\.96\.0\.0|undefined/);
    expect(ruleset.change(INTENT, without)).not.toBe('');
  }
});

it.each(['', 'x y', 'x; -j DROP', '-j', 'x'.repeat(16), '*'])(
  'refuses what is no name of a link: %j',
  (bridge) => {
    const intent = { ...intentOf([], 'ipv6'), bridge };
    expect(() => iptables.full(intent)).toThrow(/^rendering rules: bridge/);
  },
);

it('takes every destination that a configuration may name', () => {
  const ipv6 = { network: 'fd00:10::/48' };
  let taken = 0;
  for (const address of ['::ffff:10.1.2.3', '::10.1.2.3', '::1', '64:ff9b::1', 'fd00::1'])
    for (let length = 0; length <= 128; length++) {
      const named = () => completeNetworkConfig({ ipv6, nonMasqueradeCidrs: [`${address}/${length}`] });
      try {
        named();
      } catch {
        continue;
      }
      for (const cidr of named().nonMasqueradeCidrs) expect(safe.cidr(cidr, 'ipv6')).toBe(cidr);
      taken++;
    }
  expect(taken).toBeGreaterThan(300);
});
