import { describe, expect, it } from 'vitest';
import { exampleOf } from './example.ts';
import { explain, keyOfMap, keyOfRule } from './explain.ts';
import { IPTABLES_RULES } from './words/iptables.ts';
import { NFTABLES_MAPS, NFTABLES_RULES } from './words/nftables.ts';

describe('the shape of a rule', () => {
  const ipv4 = exampleOf('ipv4');
  const ipv6 = exampleOf('ipv6');

  it.each([
    [
      'postrouting',
      'ip saddr 10.10.63.0/24 ip daddr 10.10.0.0/16 return comment "own container"',
      'ip6 saddr fd00:10:0:63::/64 ip6 daddr fd00:10::/48 return comment "own container"',
      'postrouting: ip saddr SUBNET ip daddr NETWORK return',
    ],
    [
      'nat CWY-SEP-GAGB3WRULPAXTMXB',
      '-A CWY-SEP-GAGB3WRULPAXTMXB -p tcp -m comment --comment web -j DNAT --to-destination 10.10.14.2:12345',
      '-A CWY-SEP-GAGB3WRULPAXTMXB -p tcp -m comment --comment web -j DNAT --to-destination [fd00:10:0:14::2]:12345',
      'nat CWY-SEP-HASH: -p tcp -j DNAT --to-destination ENDPOINT:12345',
    ],
    [
      'filter CWY-VIPS',
      '-A CWY-VIPS -d 2.2.2.2/32 -j CWY-REJECT',
      '-A CWY-VIPS -d 2001:db8:2::2/128 -j CWY-REJECT',
      'filter CWY-VIPS: -d VIP -j CWY-REJECT',
    ],
  ])('in %s is the same in both families', (chain, inIpv4, inIpv6, shape) => {
    expect(keyOfRule(chain, inIpv4, ipv4)).toBe(shape);
    expect(keyOfRule(chain, inIpv6, ipv6)).toBe(shape);
    expect(explain({ ...NFTABLES_RULES, ...IPTABLES_RULES }, shape)).toMatch(/\.$/);
  });

  it('of a map is the same too', () => {
    const keys = ['ipv4', 'ipv6'].map((family) =>
      keyOfMap(
        { name: 'vips', declaration: `set vips { type ${family}_addr }`, elements: [] },
        exampleOf(family === 'ipv4' ? 'ipv4' : 'ipv6'),
      ),
    );
    expect(keys).toEqual(['set vips { type ipv4_addr }', 'set vips { type ipv4_addr }']);
    expect(explain(NFTABLES_MAPS, keys[0] ?? '')).toMatch(/^Every VIP/);
  });
});

it('a rule that has changed is not explained', () => {
  const rule = 'ip saddr 10.10.63.0/24 ip daddr 10.10.0.0/16 accept';
  const key = keyOfRule('postrouting', rule, exampleOf('ipv4'));
  expect(() => explain(NFTABLES_RULES, key)).toThrow(
    'deploy/lab/src/rules-page/words has no sentence for "postrouting: ip saddr SUBNET ip daddr NETWORK accept"',
  );
});
