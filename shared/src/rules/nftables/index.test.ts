import { describe, expect, it } from 'vitest';
import { FakeNft } from '../../../../test/support/fake-nft.ts';
import {
  endpoint,
  intentOf as intentWith,
  TEST_SERVICE as SERVICE,
  testService,
} from '../../../../test/support/intents.ts';
import type { ServiceIntent } from '../../desired/intent.ts';
import { ruleset } from './index.ts';

const intentOf = (...services: ServiceIntent[]) => intentWith(services);

/** A chain of the full ruleset, its rules without their comments. */
function chain(name: string, intent = intentOf(SERVICE)): string[] {
  const [, body = ''] =
    new RegExp(`^  chain ${name} \\{\n([\\s\\S]*?)^  \\}`, 'm').exec(ruleset.full(intent)) ?? [];
  return body
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().replace(/ comment ".*"$/, ''));
}

describe('nftables, full', () => {
  it('replaces the table in one transaction', () => {
    expect(ruleset.full(intentOf())).toMatch(
      /^add table ip causeway\ndelete table ip causeway\ntable ip causeway \{\n/,
    );
  });

  it('picks by one rule per number of endpoints', () => {
    expect(chain('pick2')).toEqual([
      'ip saddr != 10.10.0.0/16 meta mark set meta mark | 0x2000',
      'meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 2 map @pick2',
    ]);
    const many = intentOf(SERVICE, { ...SERVICE, id: 'b', vip: '2.2.2.3', nodePort: 30002 });
    expect(ruleset.full(many).match(/ chain (node-)?pick/g)).toHaveLength(2);
  });

  it('masquerades in the documented order, and clears only its own bit', () => {
    expect(chain('postrouting')).toEqual([
      'type nat hook postrouting priority 100; policy accept;',
      'meta mark & 0x2000 == 0x2000 meta mark set meta mark & 0xffffdfff masquerade fully-random',
      'ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random',
      'ip saddr 10.10.1.0/24 ip daddr 10.10.0.0/16 return',
      'ip saddr 10.10.0.0/16 ip daddr 10.10.1.0/24 return',
      'ip saddr != 10.10.0.0/16 ip daddr 10.10.1.0/24 return',
      'ip saddr 10.10.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random',
      'ip saddr != 10.10.0.0/16 ip daddr 10.10.0.0/16 masquerade fully-random',
    ]);
  });

  it('says the same for IPv6 in its own words, and leaves what is link-local on its link', () => {
    const intent = intentWith([testService('ipv6')], 'ipv6');
    expect(ruleset.full(intent)).toContain('\ntable ip6 causeway {\n');
    expect(ruleset.full(intent)).toContain('\n  2001:db8::2 . tcp . 88 : goto pick2\n');
    expect(chain('pick2', intent).at(-1)).toBe(
      'meta l4proto { tcp, udp, sctp } dnat ip6 to ip6 daddr . meta l4proto . th dport . numgen random mod 2 map @pick2',
    );
    expect(chain('refuse', intent).at(-1)).toBe('reject with icmpv6 type port-unreachable');
    expect(chain('services', intent).at(-1)).toBe(
      'ip6 daddr != ::1/128 fib daddr type local goto node-ports',
    );
    expect(chain('postrouting', intent).slice(3)).toEqual([
      'ip6 saddr fe80::/10 return',
      'ip6 daddr fe80::/10 return',
      'ip6 saddr fd00:10:0:1::/64 ip6 daddr fd00:10::/48 return',
      'ip6 saddr fd00:10::/48 ip6 daddr fd00:10:0:1::/64 return',
      'ip6 saddr != fd00:10::/48 ip6 daddr fd00:10:0:1::/64 return',
      'ip6 saddr fd00:10::/48 ip6 daddr != ff00::/8 masquerade fully-random',
      'ip6 saddr != fd00:10::/48 ip6 daddr fd00:10::/48 masquerade fully-random',
    ]);
  });

  it('masquerades for services only where containers keep their addresses, and not towards spared destinations', () => {
    expect(chain('postrouting', { ...intentOf(SERVICE), masquerade: false }).slice(1)).toEqual([
      'meta mark & 0x2000 == 0x2000 meta mark set meta mark & 0xffffdfff masquerade fully-random',
      'ct status dnat ip saddr . ip daddr @hairpins masquerade fully-random',
    ]);
    const sparing = { ...intentOf(SERVICE), nonMasqueradeCidrs: ['10.0.0.0/8', '192.0.2.1/32'] };
    expect(chain('postrouting', sparing).slice(6, 9)).toEqual([
      'ip saddr 10.10.0.0/16 ip daddr 10.0.0.0/8 return',
      'ip saddr 10.10.0.0/16 ip daddr 192.0.2.1/32 return',
      'ip saddr 10.10.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random',
    ]);
    const { subnet: _, ...fenced } = intentOf();
    expect(chain('postrouting', fenced).slice(3, 5)).toEqual([
      'ip saddr 10.10.0.0/16 ip daddr 10.10.0.0/16 return',
      'ip saddr 10.10.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random',
    ]);
  });

  it('has a service as elements', () => {
    const elements = ruleset.full(intentOf(SERVICE)).split('\n}\n').slice(1).join('\n}\n');
    expect(elements).toBe(`add element ip causeway services {
  2.2.2.2 . tcp . 88 : goto pick2
}
add element ip causeway pick2 {
  2.2.2.2 . tcp . 88 . 0 : 10.10.1.2 . 12345,
  2.2.2.2 . tcp . 88 . 1 : 10.10.2.2 . 12345
}
add element ip causeway node-ports {
  tcp . 30001 : goto node-pick2
}
add element ip causeway node-pick2 {
  tcp . 30001 . 0 : 10.10.1.2 . 12345,
  tcp . 30001 . 1 : 10.10.2.2 . 12345
}
add element ip causeway hairpins {
  10.10.1.2 . 10.10.1.2,
  10.10.2.2 . 10.10.2.2
}
add element ip causeway vips {
  2.2.2.2
}
`);
  });

  it('has a service without endpoints only among what is refused', () => {
    const full = ruleset.full(intentOf({ ...SERVICE, endpoints: [] }));
    expect(full.match(/^add element .*\{\n {2}.*$/gm)).toEqual([
      'add element ip causeway vips {\n  2.2.2.2',
      'add element ip causeway idle-node-ports {\n  tcp . 30001',
    ]);
  });
});

describe('nftables, change', () => {
  it('replaces one endpoint by its elements alone', () => {
    const changed = { ...SERVICE, endpoints: [endpoint('10.10.1.2'), endpoint('10.10.3.2')] };
    expect(ruleset.change(intentOf(SERVICE), intentOf(changed))).toBe(`delete element ip causeway pick2 {
  2.2.2.2 . tcp . 88 . 1
}
delete element ip causeway node-pick2 {
  tcp . 30001 . 1
}
delete element ip causeway hairpins {
  10.10.2.2 . 10.10.2.2
}
add element ip causeway pick2 {
  2.2.2.2 . tcp . 88 . 1 : 10.10.3.2 . 12345
}
add element ip causeway node-pick2 {
  tcp . 30001 . 1 : 10.10.3.2 . 12345
}
add element ip causeway hairpins {
  10.10.3.2 . 10.10.3.2
}
`);
  });

  it('keeps what another service shares', () => {
    const other = { ...SERVICE, id: 'b', port: 99, nodePort: 30002 };
    const change = ruleset.change(intentOf(SERVICE, other), intentOf(SERVICE));
    expect(change).not.toMatch(/hairpins|vips|pick2 \{ t/);
    expect(change).toContain('2.2.2.2 . tcp . 99');
  });

  it('makes map and chain for a new number of endpoints, and removes those that nobody needs', () => {
    const none = { ...SERVICE, nodePort: 30001, endpoints: [] };
    expect(ruleset.change(intentOf(none), intentOf(SERVICE))).toMatch(
      /^table ip causeway \{\n {2}map pick2 /,
    );
    const back = ruleset.change(intentOf(SERVICE), intentOf(none));
    expect(back).not.toContain('delete element ip causeway pick2');
    expect(back.split('\n').slice(-5, -1)).toEqual([
      'delete chain ip causeway pick2',
      'delete chain ip causeway node-pick2',
      'delete map ip causeway pick2',
      'delete map ip causeway node-pick2',
    ]);
  });

  it('is a full ruleset when a setting differs', () => {
    const to = { ...intentOf(SERVICE), subnet: '10.10.9.0/24' };
    expect(ruleset.change(intentOf(SERVICE), to)).toBe(ruleset.full(to));
  });
});

describe('nftables, drift', () => {
  it('says that the table is missing', () => {
    expect(ruleset.drift(intentOf(), '')).toEqual(['table ip causeway is missing']);
    expect(ruleset.drift(intentOf(), '{"nftables": [{"metainfo": {}}]}')).toEqual([
      'table ip causeway is missing',
    ]);
  });

  it('says that the table may be switched off', () => {
    const kernel = new FakeNft();
    kernel.apply(ruleset.full(intentOf(SERVICE)));
    expect(ruleset.drift(intentOf(SERVICE), kernel.list())).toEqual([]);
    // As nft 1.0.6 lists a dormant table: with the table's name for the flag's.
    const dormant = kernel.list().replace('"name":"causeway"', '"name":"causeway","flags":"causeway"');
    expect(ruleset.drift(intentOf(SERVICE), dormant)).toEqual([
      'table ip causeway has flags, which may switch it off',
    ]);
  });

  it('refuses what is no listing', () => {
    expect(() => ruleset.drift(intentOf(), 'table ip causeway {')).toThrow('nft listed no JSON');
  });
});
