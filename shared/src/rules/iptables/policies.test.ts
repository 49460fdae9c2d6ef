import { describe, expect, it } from 'vitest';
import { FakeIptables } from '../../../../test/support/fake-iptables.ts';
import {
  endpoint,
  intentOf as intentWith,
  manyServices,
  TEST_SERVICE as SERVICE,
  serviceIntent,
} from '../../../../test/support/intents.ts';
import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { ruleset } from './index.ts';
import { NO_OTHERS } from './others.ts';
import { questionOf } from './question.ts';

const intentOf = (...services: ServiceIntent[]) => intentWith(services);

/** A restore's rules for the chains that start so, without comments and hashes. */
function rules(chain: string, input: string): string[] {
  return input
    .split('\n')
    .filter((line) => line.startsWith(`-A CWY-${chain}`))
    .map((line) =>
      line
        .replace(/^-A \S+ /, '')
        .replace(/-m comment --comment "[^"]*" ?/, '')
        .replace(/"\d+,32 [^"]*"/, 'PROGRAM')
        .replace(/-([A-Z2-7]{16})/g, ''),
    );
}

const full = (...services: ServiceIntent[]) => ruleset.full(intentOf(...services));

/** With its first endpoint on this host. */
const LOCAL: ServiceIntent = { ...SERVICE, localEndpoints: [endpoint('10.10.1.2')] };

describe('what some services need of iptables', () => {
  it('costs a service without it nothing', () => {
    const plain = full(SERVICE);
    expect(plain).not.toMatch(/mangle|CWY-(SVL|INT|EXT|SRC|SOURCES)|bpf/);
    const special = serviceIntent({
      ...{ id: 'a', vip: '2.2.2.9', nodePort: 30009, internalPolicy: 'local', externalPolicy: 'local' },
      ...{ affinity: true, sourceRanges: ['192.0.2.0/24'] },
      endpoints: [endpoint('10.10.1.9')],
      localEndpoints: [endpoint('10.10.1.9')],
    });
    const linesOf = (text: string) => text.match(/^.*"test-service1".*$/gm);
    expect(linesOf(full(SERVICE, special))).toEqual(linesOf(plain));
  });

  it('is the share of what is left, by weight', () => {
    const weights = [30, 10, 60];
    const endpoints = weights.map((weight, i) => endpoint(`10.10.1.${i + 2}`, 80, weight));
    expect(rules('SVC', full({ ...SERVICE, endpoints })).slice(1)).toEqual([
      '-m statistic --mode random --probability 0.3000000000 -j CWY-SEP',
      '-m statistic --mode random --probability 0.1428571429 -j CWY-SEP',
      '-j CWY-SEP',
    ]);
  });

  it('is a program per endpoint for a service that a client stays with, and none for the last', () => {
    const endpoints = [2, 3, 4].map((n) => endpoint(`10.10.1.${n}`));
    expect(rules('SVC', full({ ...SERVICE, endpoints, affinity: true }))).toEqual([
      '! -s 10.10.0.0/16 -j CWY-MARK',
      '-m bpf --bytecode PROGRAM -j CWY-SEP',
      '-m bpf --bytecode PROGRAM -j CWY-SEP',
      '-j CWY-SEP',
    ]);
  });

  it('is this host’s endpoints for a VIP of internal policy local, and a drop where it has none', () => {
    const service: ServiceIntent = { ...LOCAL, internalPolicy: 'local' };
    const input = full(service);
    expect(rules('SERVICES', input)[0]).toBe('-d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j CWY-INT');
    expect(rules('INT', input)).toEqual(['! -s 10.10.0.0/16 -j CWY-MARK', '-j CWY-SVL']);
    expect(rules('SVL', input)).toEqual(['-j CWY-SEP']);
    expect(rules('NODEPORTS', input)).toEqual(['-p tcp -m tcp --dport 30001 -j CWY-SVC']);
    expect(rules('VIPS', input)[0]).toBe('-d 2.2.2.2/32 -j CWY-REJECT');
    const elsewhere = full({ ...service, localEndpoints: [] });
    expect(rules('SERVICES', elsewhere)).toHaveLength(1);
    expect(rules('VIPS', elsewhere).slice(0, 2)).toEqual([
      '-d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j DROP',
      '-d 2.2.2.2/32 -j CWY-REJECT',
    ]);
    const { nodePort: _, ...idle } = { ...service, endpoints: [], localEndpoints: [] };
    expect(rules('', full(idle)).join()).not.toMatch(/88 -j DROP/);
  });

  it('is a way of its own for those from outside at a NodePort of external policy local, who keep their address', () => {
    const service: ServiceIntent = { ...LOCAL, externalPolicy: 'local' };
    const input = full(service);
    expect(rules('NODEPORTS', input)).toEqual(['-p tcp -m tcp --dport 30001 -j CWY-EXT']);
    const toAll = ['-s 10.10.0.0/16 -j CWY-SVC', '-m addrtype --src-type LOCAL -j CWY-SVC'];
    expect(rules('EXT', input)).toEqual([...toAll, '-j CWY-SVL']);
    expect(rules('SVL', input)).toEqual(['-j CWY-SEP']);
    expect(rules('UNSERVED', input)).toEqual([]);
    const elsewhere = full({ ...service, localEndpoints: [] });
    expect(rules('EXT', elsewhere)).toEqual(toAll);
    expect(rules('UNSERVED', elsewhere)).toEqual(['-p tcp -m tcp --dport 30001 -j DROP']);
    expect(rules('UNSERVED', full({ ...service, endpoints: [], localEndpoints: [] }))).toEqual([
      '-p tcp -m tcp --dport 30001 -j CWY-REJECT',
    ]);
  });

  it('is a translation for an endpoint of this host that drains, so that it is among these alone', () => {
    const draining = { ...LOCAL, localEndpoints: [endpoint('10.10.1.9')] };
    expect(full({ ...draining, internalPolicy: 'local' })).toContain('--to-destination 10.10.1.9:12345');
    expect(full(draining)).not.toContain('10.10.1.9');
  });

  it('is a chain in mangle for source ranges, which VIP and NodePort lead to', () => {
    const input = full({ ...SERVICE, sourceRanges: ['10.0.0.0/8', '192.0.2.1/32'] });
    expect(input.match(/^(\*.*|-I (PREROUTING|OUTPUT) .*SOURCES)$/gm)).toEqual([
      '*mangle',
      ...['PREROUTING', 'OUTPUT'].map(
        (hook) =>
          `-I ${hook} -m comment --comment "causeway: source ranges" -m conntrack --ctstate NEW -j CWY-SOURCES`,
      ),
      '*nat',
      '*filter',
    ]);
    expect(rules('SOURCES', input)).toEqual([
      '-d 2.2.2.2/32 -p tcp -m tcp --dport 88 -j CWY-SRC',
      '! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j CWY-NODESOURCES',
    ]);
    expect(rules('NODESOURCES', input)).toEqual(['-p tcp -m tcp --dport 30001 -j CWY-SRC']);
    expect(rules('SRC', input)).toEqual(['-s 10.0.0.0/8 -j RETURN', '-s 192.0.2.1/32 -j RETURN', '-j DROP']);
    expect(rules('SRC', full({ ...SERVICE, sourceRanges: [] }))).toEqual(['-j DROP']);
    // As iptables-save lists it.
    expect(rules('SRC', full({ ...SERVICE, sourceRanges: ['0.0.0.0/0'] }))).toEqual(['-j RETURN', '-j DROP']);
  });

  it('is one rule per CIDR where NodePorts are served on some addresses only, and never on loopback ones', () => {
    const intent: FirewallIntent = {
      ...intentOf({ ...SERVICE, sourceRanges: [] }),
      nodePortCidrs: ['192.168.122.0/24', '203.0.113.1/32'],
    };
    const served = (chain: string) => [
      '-d 127.0.0.0/8 -j RETURN',
      `-d 192.168.122.0/24 -m addrtype --dst-type LOCAL -j ${chain}`,
      `-d 203.0.113.1/32 -m addrtype --dst-type LOCAL -j ${chain}`,
    ];
    const input = ruleset.full(intent);
    expect(rules('SERVICES', input).slice(1)).toEqual(served('CWY-NODEPORTS'));
    expect(rules('SOURCES', input).slice(1)).toEqual(served('CWY-NODESOURCES'));
    expect(rules('INPUT', input)).toEqual(['-j CWY-VIPS', ...served('CWY-UNSERVED')]);
  });
});

describe('a change in iptables', () => {
  const restricted: ServiceIntent = {
    ...SERVICE,
    ...{ id: 'a', vip: '2.2.2.3', nodePort: 30002, sourceRanges: ['192.0.2.0/24'] },
  };
  const tables = (input: string) => input.match(/^\*\w+$/gm);

  it('brings mangle with the first service that needs it, before nat, and takes it with the last, after nat', () => {
    const come = ruleset.change(intentOf(SERVICE), intentOf(SERVICE, restricted));
    expect(tables(come)).toEqual(['*mangle', '*nat', '*filter']);
    expect(come).toMatch(/^-I PREROUTING .* CWY-SOURCES$/m);
    const go = ruleset.change(intentOf(SERVICE, restricted), intentOf(SERVICE));
    expect(tables(go)).toEqual(['*nat', '*filter', '*mangle']);
    expect(go).toMatch(/^-D OUTPUT .* CWY-SOURCES$/m);
    expect(go.match(/^-X CWY-S(RC|OURCES)/gm)).toEqual(['-X CWY-SRC', '-X CWY-SOURCES']);
    const kernel = new FakeIptables();
    for (const input of [ruleset.full(intentOf(SERVICE)), come, go]) kernel.apply(input);
    expect(kernel.list()).not.toContain('mangle');
  });

  it('of another restricted service leaves the first and the jumps as they are', () => {
    const second = { ...restricted, id: 'b', vip: '2.2.2.4', nodePort: 30003 };
    const change = ruleset.change(intentOf(SERVICE, restricted), intentOf(SERVICE, restricted, second));
    expect(change).not.toMatch(/"a"|"test-service1"|PREROUTING|OUTPUT/);
    expect(change).toMatch(/^-I CWY-SOURCES 2 -d 2\.2\.2\.4\/32 /m);
  });

  it('of ranges fills the service’s chain in mangle, and nothing else', () => {
    const wider = { ...restricted, sourceRanges: ['192.0.0.0/16'] };
    const change = ruleset.change(intentOf(restricted), intentOf(wider));
    expect(tables(change)).toEqual(['*mangle']);
    expect(change.split('\n')).toHaveLength(6);
  });

  it('of a local endpoint touches this host’s pick alone', () => {
    const service: ServiceIntent = { ...LOCAL, externalPolicy: 'local', internalPolicy: 'local' };
    const more = { ...service, localEndpoints: [endpoint('10.10.1.2'), endpoint('10.10.1.9')] };
    const change = ruleset.change(intentOf(service), intentOf(more));
    expect(change.match(/^:CWY-\w+/gm)).toEqual([':CWY-SVL', ':CWY-SEP']);
  });
});

it('a restore is cut into shorter parts where its rules carry programs', () => {
  const endpoints = Array.from({ length: 400 }, (_, i) => endpoint(`10.10.${i >> 8}.${i & 255}`));
  const parts = ruleset.parts(full({ ...SERVICE, endpoints, affinity: true }));
  const programs = parts.map((part) => part.match(/--bytecode/g)?.length ?? 0);
  // Measured with the longest comment: iptables-nft and an ordinary socket take 180 such rules, and no 200.
  expect(Math.max(...programs)).toBeLessThan(180);
  expect(Math.max(...parts.map((part) => part.split('\n').length))).toBeGreaterThan(180);
});

it('the canary asks for the source ranges in every turn, also for those of services whose turn it is not', () => {
  const restricted = { ...SERVICE, id: 'zz', sourceRanges: [] };
  const intent = intentOf(...manyServices(20), restricted);
  for (const turn of [0, 1, 2]) {
    const question = questionOf({ role: 'serving', intent, others: NO_OTHERS }, turn);
    expect(question).toContain('-C OUTPUT -m comment --comment "causeway: source ranges"');
    expect(question).toContain('-F CWY-SOURCES\n-D PREROUTING 1\n-D OUTPUT 1\n-X CWY-SOURCES\n');
    expect(question.includes('-C CWY-SRC-')).toBe(turn === 2);
  }
});
