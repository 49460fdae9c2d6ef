import { describe, expect, it } from 'vitest';
import { FakeNft } from '../../../../test/support/fake-nft.ts';
import {
  endpoint,
  intentOf as intentWith,
  TEST_SERVICE as SERVICE,
  serviceIntent,
} from '../../../../test/support/intents.ts';
import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { ruleset } from './index.ts';

const intentOf = (...services: ServiceIntent[]) => intentWith(services);

/** A chain of the full ruleset, its rules without their comments. */
function chain(name: string, intent: FirewallIntent): string[] {
  const [, body = ''] =
    new RegExp(`^  chain ${name} \\{\n([\\s\\S]*?)^  \\}`, 'm').exec(ruleset.full(intent)) ?? [];
  return body
    .trimEnd()
    .split('\n')
    .map((line) => line.trim().replace(/ comment ".*"$/, ''));
}

/** The elements of one map in the full ruleset. */
function elements(map: string, ...all: ServiceIntent[]): string[] {
  const [, body = ''] =
    new RegExp(`^add element ip causeway ${map} \\{\n([^}]*)\n\\}`, 'm').exec(
      ruleset.full(intentOf(...all)),
    ) ?? [];
  return body.split('\n').map((line) => line.trim().replace(/,$/, ''));
}

/** With its first endpoint on this host. */
const LOCAL: ServiceIntent = { ...SERVICE, localEndpoints: [endpoint('10.10.1.2')] };

describe('what some services need of nftables', () => {
  it('costs a service without it nothing', () => {
    const textOf = (...all: ServiceIntent[]) => ruleset.full(intentOf(...all)).replace(/ comment ".*"/g, '');
    const plain = textOf(SERVICE);
    expect(plain).not.toMatch(/affine|outside|restricted|sources|jhash|priority -1(05|10)/);
    const special = serviceIntent({
      ...{ id: 'a', vip: '2.2.2.9', nodePort: 30009, internalPolicy: 'local', externalPolicy: 'local' },
      ...{ affinity: true, sourceRanges: ['192.0.2.0/24'] },
      endpoints: [endpoint('10.10.1.9')],
      localEndpoints: [endpoint('10.10.1.9')],
    });
    const linesOf = (text: string) => text.match(/^.*(2\.2\.2\.2|30001).*$/gm)?.sort();
    expect(linesOf(textOf(SERVICE, special))).toEqual(linesOf(plain));
    for (const name of ['services', 'node-ports', 'pick2'])
      expect(chain(name, intentOf(SERVICE, special))).toEqual(chain(name, intentOf(SERVICE)));
  });

  it('repeats endpoints in the map as their weights say', () => {
    const [first, second] = [endpoint('10.10.1.2', 80, 50), endpoint('10.10.2.2', 80, 100)];
    const service = { ...SERVICE, endpoints: [first, second] };
    expect(elements('services', service)).toEqual(['2.2.2.2 . tcp . 88 : goto pick3']);
    expect(elements('pick3', service)).toEqual([
      '2.2.2.2 . tcp . 88 . 0 : 10.10.1.2 . 80',
      '2.2.2.2 . tcp . 88 . 1 : 10.10.2.2 . 80',
      '2.2.2.2 . tcp . 88 . 2 : 10.10.2.2 . 80',
    ]);
  });

  it('is 256 buckets for a service that a client stays with, looked up by its address', () => {
    const service = { ...SERVICE, affinity: true };
    expect(elements('services', service)).toEqual(['2.2.2.2 . tcp . 88 : goto affine']);
    expect(elements('affine', service)).toHaveLength(256);
    expect(elements('node-affine', service)[255]).toMatch(/^tcp \. 30001 \. 255 : 10\.10\.[12]\.2 \. 12345$/);
    expect(chain('affine', intentOf(service)).at(-1)).toBe(
      'meta l4proto { tcp, udp, sctp } dnat ip to ip daddr . meta l4proto . th dport . jhash ip saddr mod 256 seed 0x43575931 map @affine',
    );
    // nft 1.0.6 crashes when it lists a map that was declared with jhash.
    expect(ruleset.full(intentOf(service))).not.toMatch(/typeof .*jhash/);
  });

  it('is this host’s endpoints for a VIP of internal policy local, and a drop where it has none', () => {
    const service: ServiceIntent = { ...LOCAL, internalPolicy: 'local' };
    expect(elements('services', service)).toEqual(['2.2.2.2 . tcp . 88 : goto pick1']);
    expect(elements('pick1', service)).toEqual(['2.2.2.2 . tcp . 88 . 0 : 10.10.1.2 . 12345']);
    expect(elements('node-ports', service)).toEqual(['tcp . 30001 : goto node-pick2']);
    const elsewhere = { ...service, localEndpoints: [] };
    expect(elements('services', elsewhere)).toEqual(['2.2.2.2 . tcp . 88 : drop']);
    expect(ruleset.full(intentOf({ ...elsewhere, endpoints: [] }))).not.toContain(': drop');
  });

  it('is a map for those from outside at a NodePort of external policy local, who keep their address', () => {
    const service: ServiceIntent = { ...LOCAL, externalPolicy: 'local' };
    expect(elements('node-ports', service)).toEqual(['tcp . 30001 : goto node-pick2']);
    expect(elements('outside-node-ports', service)).toEqual(['tcp . 30001 : goto outside-pick1']);
    expect(elements('outside-pick1', service)).toEqual(['tcp . 30001 . 0 : 10.10.1.2 . 12345']);
    expect(chain('outside', intentOf(service))).toEqual([
      'type nat hook prerouting priority -105; policy accept;',
      'ip saddr != 10.10.0.0/16 ip daddr != 127.0.0.0/8 fib daddr type local meta l4proto . th dport vmap @outside-node-ports',
    ]);
    expect(chain('outside-pick1', intentOf(service))).toEqual([
      'meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport . numgen random mod 1 map @outside-pick1',
    ]);
    const elsewhere = { ...service, localEndpoints: [] };
    expect(elements('outside-node-ports', elsewhere)).toEqual(['tcp . 30001 : drop']);
  });

  it('is an element for each range of sources, and one that says that there are any', () => {
    const service = { ...SERVICE, sourceRanges: ['10.0.0.0/8', '192.0.2.1/32'] };
    expect(elements('restricted', service)).toEqual(['2.2.2.2 . tcp . 88']);
    expect(elements('sources', service)).toEqual([
      '2.2.2.2 . tcp . 88 . 10.0.0.0/8',
      '2.2.2.2 . tcp . 88 . 192.0.2.1',
    ]);
    expect(elements('restricted-node-ports', service)).toEqual(['tcp . 30001']);
    expect(elements('node-sources', service)).toEqual([
      '30001 . tcp . 10.0.0.0/8',
      '30001 . tcp . 192.0.2.1',
    ]);
    expect(chain('check-output', intentOf(service))).toEqual([
      'type nat hook output priority -110; policy accept;',
      'jump check-sources',
    ]);
    const nobody = ruleset.full(intentOf({ ...SERVICE, sourceRanges: [] }));
    expect(nobody).toContain('add element ip causeway restricted {\n  2.2.2.2 . tcp . 88\n}');
    expect(nobody).not.toContain('add element ip causeway sources');
  });

  it('is a narrower match where NodePorts are served on some addresses only, and never on loopback ones', () => {
    const service: ServiceIntent = { ...SERVICE, externalPolicy: 'local', sourceRanges: [] };
    const intent = { ...intentOf(service), nodePortCidrs: ['192.168.122.0/24', '203.0.113.1/32'] };
    const served = 'ip daddr != 127.0.0.0/8 ip daddr { 192.168.122.0/24, 203.0.113.1/32 }';
    expect(chain('services', intent).at(-1)).toBe(`${served} fib daddr type local goto node-ports`);
    for (const name of ['input', 'outside', 'check-sources'])
      expect(chain(name, intent).join()).toContain(served);
  });
});

describe('drift in nftables', () => {
  it('is none where nft lists protocols by number, in whatever key', () => {
    const needs = {
      externalPolicy: 'local',
      internalPolicy: 'local',
      sourceRanges: ['192.0.2.0/24'],
    } as const;
    // NodePorts that could be taken for the protocols 6 and 17.
    const services = [6, 17, 30001].map((nodePort, i) => ({
      ...LOCAL,
      ...needs,
      id: `s${i}`,
      port: nodePort,
      nodePort,
    }));
    const kernel = new FakeNft();
    kernel.apply(ruleset.full(intentOf(...services)));
    expect(ruleset.drift(intentOf(...services), kernel.list())).toEqual([]);
    expect(ruleset.drift(intentOf(...services), kernel.list().replaceAll('"tcp"', '6'))).toEqual([]);
  });
});

describe('a change in nftables', () => {
  it('moves the clients of an endpoint that goes, and no others', () => {
    const { nodePort: _, ...service } = { ...SERVICE, affinity: true };
    const change = ruleset.change(
      intentOf(service),
      intentOf({ ...service, endpoints: SERVICE.endpoints.slice(1) }),
    );
    const before = elements('affine', service);
    const moved = change.match(/ : 10\.10\.2\.2 \. 12345/g) ?? [];
    expect(moved).toHaveLength(before.filter((line) => line.includes(' : 10.10.1.2 ')).length);
    expect(change).not.toMatch(/chain|map|goto/);
  });

  it('brings the chains with the first service that needs them, and takes them with the last', () => {
    const special: ServiceIntent = {
      ...LOCAL,
      ...{ id: 'a', vip: '2.2.2.3', nodePort: 30002 },
      ...{ externalPolicy: 'local', sourceRanges: ['192.0.2.0/24'], affinity: true },
    };
    const made = ['outside', 'check-sources', 'outside-affine', 'affine'];
    const come = ruleset.change(intentOf(SERVICE), intentOf(SERVICE, special));
    for (const name of made) expect(come).toContain(`\n  chain ${name} {\n`);
    const go = ruleset.change(intentOf(SERVICE, special), intentOf(SERVICE));
    for (const name of made) expect(go).toContain(`\ndelete chain ip causeway ${name}\n`);
    // What its verdicts lead to could not go before them; the other maps take their elements with them.
    expect(go.match(/^delete element ip causeway (.*) \{$/gm)).toEqual(
      ['services', 'node-ports', 'outside-node-ports', 'vips'].map(
        (map) => `delete element ip causeway ${map} {`,
      ),
    );
    const more = intentOf(SERVICE, special, { ...special, id: 'b', vip: '2.2.2.4', nodePort: 30003 });
    expect(ruleset.change(intentOf(SERVICE, special), more)).not.toContain('chain');
  });
});
