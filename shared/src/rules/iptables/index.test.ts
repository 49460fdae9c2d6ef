import { describe, expect, it } from 'vitest';
import {
  endpoint,
  intentOf as intentWith,
  serviceIntent,
  testService,
} from '../../../../test/support/intents.ts';
import type { ServiceIntent } from '../../desired/intent.ts';
import { ruleset } from './index.ts';

const intentOf = (...services: ServiceIntent[]) => intentWith(services);

const SERVICE = serviceIntent({
  ...{ id: 'test-service1', vip: '2.2.2.2', port: 88, nodePort: 30001 },
  endpoints: [endpoint('10.10.1.2'), endpoint('10.10.2.2'), endpoint('10.10.3.2')],
});
const SVC = 'CWY-SVC-AGBJTACQXZEI6CFE';

/** A restore's rules for one chain, without their comments. */
function rules(chain: string, input = ruleset.full(intentOf(SERVICE))): string[] {
  return input
    .split('\n')
    .filter((line) => line.split(' ')[1] === chain)
    .map((line) =>
      line
        .split(' ')
        .toSpliced(1, 1)
        .join(' ')
        .replace(/ -m comment --comment "[^"]*"/, ''),
    );
}

describe('iptables, full', () => {
  it('has a service in the shape of the source text', () => {
    expect(rules('CWY-SERVICES')).toEqual([
      `-A -d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j ${SVC}`,
      '-A ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j CWY-NODEPORTS',
    ]);
    expect(rules('CWY-NODEPORTS')).toEqual([`-A -p tcp -m tcp --dport 30001 -j ${SVC}`]);
    expect(rules('CWY-MARK')).toEqual(['-A -j MARK --set-xmark 0x2000/0x2000']);
    const [mark, ...picks] = rules(SVC);
    expect(mark).toBe('-A ! -s 10.10.0.0/16 -j CWY-MARK');
    expect(picks.map((rule) => rule.replace(/CWY-SEP-.*/, 'SEP'))).toEqual([
      '-A -m statistic --mode random --probability 0.3333333333 -j SEP',
      '-A -m statistic --mode random --probability 0.5000000000 -j SEP',
      '-A -j SEP',
    ]);
    expect(rules(picks[2]?.split(' ').at(-1) ?? '')).toEqual([
      '-A -s 10.10.3.2/32 -j CWY-MARK',
      '-A -p tcp -j DNAT --to-destination 10.10.3.2:12345',
    ]);
  });

  it('masquerades in the documented order, and clears only its own bit', () => {
    expect(rules('CWY-MASQUERADE')).toEqual([
      '-A -j MARK --set-xmark 0x0/0x2000',
      '-A -j MASQUERADE --random-fully',
    ]);
    expect(rules('CWY-POSTROUTING')).toEqual([
      '-A -m mark --mark 0x2000/0x2000 -j CWY-MASQUERADE',
      '-A -s 10.10.1.0/24 -d 10.10.0.0/16 -j RETURN',
      '-A -s 10.10.0.0/16 -d 10.10.1.0/24 -j RETURN',
      '-A ! -s 10.10.0.0/16 -d 10.10.1.0/24 -j RETURN',
      '-A -s 10.10.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
      '-A ! -s 10.10.0.0/16 -d 10.10.0.0/16 -j MASQUERADE --random-fully',
    ]);
  });

  it('says the same for IPv6 in its own words, and leaves what is link-local on its link', () => {
    const intent = intentWith([testService('ipv6')], 'ipv6');
    const full = ruleset.full(intent);
    expect(rules('CWY-SERVICES', full)).toEqual([
      expect.stringMatching(/^-A -d 2001:db8::2\/128 -p tcp -m tcp --dport 88 -j CWY-SVC-\w+$/),
      '-A ! -d ::1/128 -m addrtype --dst-type LOCAL -j CWY-NODEPORTS',
    ]);
    expect(full).toContain('-j DNAT --to-destination [fd00:10:0:1::2]:12345\n');
    expect(rules('CWY-REJECT', full).at(-1)).toBe('-A -j REJECT --reject-with icmp6-port-unreachable');
    expect(rules('CWY-POSTROUTING', full).slice(1)).toEqual([
      '-A -s fe80::/10 -j RETURN',
      '-A -d fe80::/10 -j RETURN',
      '-A -s fd00:10:0:1::/64 -d fd00:10::/48 -j RETURN',
      '-A -s fd00:10::/48 -d fd00:10:0:1::/64 -j RETURN',
      '-A ! -s fd00:10::/48 -d fd00:10:0:1::/64 -j RETURN',
      '-A -s fd00:10::/48 ! -d ff00::/8 -j MASQUERADE --random-fully',
      '-A ! -s fd00:10::/48 -d fd00:10::/48 -j MASQUERADE --random-fully',
    ]);
    expect(rules('CWY-FORWARD', full)).toContain('-A -i cwy0 -o cwy0 -j ACCEPT');
  });

  it('masquerades for services only where containers keep their addresses, and not towards spared destinations', () => {
    const marked = '-A -m mark --mark 0x2000/0x2000 -j CWY-MASQUERADE';
    expect(rules('CWY-POSTROUTING', ruleset.full({ ...intentOf(SERVICE), masquerade: false }))).toEqual([
      marked,
    ]);
    const sparing = { ...intentOf(SERVICE), nonMasqueradeCidrs: ['10.0.0.0/8', '192.0.2.1/32'] };
    expect(rules('CWY-POSTROUTING', ruleset.full(sparing)).slice(4, 7)).toEqual([
      '-A -s 10.10.0.0/16 -d 10.0.0.0/8 -j RETURN',
      '-A -s 10.10.0.0/16 -d 192.0.2.1/32 -j RETURN',
      '-A -s 10.10.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
    ]);
    const { subnet: _, ...fenced } = intentOf();
    expect(rules('CWY-POSTROUTING', ruleset.full(fenced)).slice(1, 3)).toEqual([
      '-A -s 10.10.0.0/16 -d 10.10.0.0/16 -j RETURN',
      '-A -s 10.10.0.0/16 ! -d 224.0.0.0/4 -j MASQUERADE --random-fully',
    ]);
  });

  it('refuses a service without endpoints, on its VIP and its NodePort', () => {
    const full = ruleset.full(intentOf({ ...SERVICE, endpoints: [] }));
    expect(rules('CWY-VIPS', full)[0]).toBe('-A -d 2.2.2.2/32 -j CWY-REJECT');
    expect(rules('CWY-INPUT', full)).toEqual([
      '-A -j CWY-VIPS',
      '-A ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j CWY-UNSERVED',
    ]);
    expect(rules('CWY-UNSERVED', full)).toEqual(['-A -p tcp -m tcp --dport 30001 -j CWY-REJECT']);
    expect(full).not.toContain('CWY-SVC-');
  });

  it('keeps names within the kernel’s 28 characters', () => {
    const names = ruleset.full(intentOf(SERVICE)).match(/CWY-\S+/g) ?? [];
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(28);
  });

  it('repeats no jump that is listed, drops doubled ones, and removes stale chains', () => {
    const jump = '-m comment --comment "causeway: services" -j CWY-SERVICES';
    const listing = `*nat\n:CWY-SVC-OLD - [0:0]\n-A PREROUTING ${jump}\n-A OUTPUT ${jump}\n-A OUTPUT ${jump}\n-A CWY-SVC-OLD -j RETURN\n-A INPUT -m comment --comment "-j CWY-X" -j ACCEPT\nCOMMIT\n`;
    const full = ruleset.full(intentOf(), listing);
    expect(full.match(/^-[ID] (PREROUTING|OUTPUT|INPUT).*CWY-(SERVICES|X)$/gm)).toEqual([
      `-D OUTPUT ${jump}`,
    ]);
    expect(full).toContain(':CWY-SVC-OLD - [0:0]');
    expect(full).toContain('\n-X CWY-SVC-OLD\n');
  });
});

describe('iptables, change', () => {
  it('touches only the chains of the service whose endpoint went', () => {
    const changed = { ...SERVICE, endpoints: SERVICE.endpoints.slice(0, 2) };
    const change = ruleset.change(intentOf(SERVICE), intentOf(changed));
    expect(change.match(/^\S.*?(?= -m comment|$)/gm)).toEqual([
      '*nat',
      `:${SVC} - [0:0]`,
      expect.stringMatching(/^:CWY-SEP-\w{16} - \[0:0\]$/),
      `-A ${SVC} ! -s 10.10.0.0/16`,
      `-A ${SVC}`,
      `-A ${SVC}`,
      expect.stringMatching(/^-X CWY-SEP-\w{16}$/),
      'COMMIT',
    ]);
  });

  it('inserts a new service at its place, and deletes by the rule’s text', () => {
    const before = { ...SERVICE, id: 'a', vip: '2.2.2.1', nodePort: 30000 };
    const change = ruleset.change(intentOf(before), intentOf(before, SERVICE));
    expect(rules('CWY-SERVICES', change)).toEqual([`-I 2 -d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j ${SVC}`]);
    const back = ruleset.change(intentOf(before, SERVICE), intentOf(before));
    expect(rules('CWY-SERVICES', back)).toEqual([`-D -d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j ${SVC}`]);
  });

  it('is empty when nothing differs', () => {
    expect(ruleset.change(intentOf(SERVICE), intentOf({ ...SERVICE }))).toBe('');
  });
});

describe('iptables, clean', () => {
  it('is empty when nothing of ours is listed', () => {
    expect(ruleset.clean('*nat\n:DOCKER - [0:0]\n-A PREROUTING -j DOCKER\nCOMMIT\n', 'ipv4')).toBe('');
  });
});
