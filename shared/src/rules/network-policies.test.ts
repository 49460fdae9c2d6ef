import { describe, expect, it } from 'vitest';
import { intentOf, testPolicy, testService } from '../../../test/support/intents.ts';
import type { FirewallIntent, PolicyIntent, PolicyMatch } from '../desired/intent.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { ruleset as iptables } from './iptables/index.ts';
import { ruleset as nftables } from './nftables/index.ts';

const cases = FAMILIES.flatMap((family) =>
  [
    { name: 'nftables', ruleset: nftables },
    { name: 'iptables', ruleset: iptables },
  ].map((one) => ({ ...one, family })),
);

function peers(count: number, family: Family): PolicyMatch[] {
  return Array.from({ length: count }, (_, i) => ({
    cidr: family === 'ipv4' ? `172.16.${i >> 8}.${i & 255}/32` : `2001:db8::${(i + 1).toString(16)}/128`,
    protocol: 'tcp',
    firstPort: 80,
    lastPort: 80,
  }));
}

function withDenied(policy: PolicyIntent, deny: readonly PolicyMatch[]): PolicyIntent {
  return { ...policy, ingress: { default: 'allow', allow: [], limited: [], deny } };
}

describe.each(cases)('policies in $name, $family', ({ ruleset, family }) => {
  const one = testPolicy(family);
  const holding = (policies: readonly PolicyIntent[]): FirewallIntent => ({
    ...intentOf([testService(family)], family),
    policies,
  });
  const change = (from: readonly PolicyIntent[], to: readonly PolicyIntent[]) =>
    ruleset.change(holding(from), holding(to)).trimEnd().split('\n');

  it('add one peer of ten thousand in one statement, and take it away in one', () => {
    const all = peers(10_000, family);
    const [before, after] = [withDenied(one, all.slice(1)), withDenied(one, all)];
    for (const lines of [change([before], [after]), change([after], [before])]) expect(lines).toHaveLength(3);
  });

  it('take in a container, and let it go, without a word about anything else', () => {
    const fewer = { ...one, subjects: one.subjects.slice(0, 1) };
    for (const lines of [change([fewer], [one]), change([one], [fewer])]) {
      expect(lines.length).toBeLessThan(15);
      expect(lines.join('\n')).not.toContain(one.subjects[0]);
    }
  });

  it('change nothing where only the objects are others', () => {
    expect(ruleset.change(holding([one]), holding([structuredClone(one)]))).toBe('');
  });

  it('ask nobody by a link-local address, which every container has and no policy knows', () => {
    const input = ruleset.full(holding([one]));
    const dropped = input.split('\n').filter((line) => /fe80::.*\bdrop\b/i.test(line));
    const hooks = ruleset === nftables ? 2 : 1;
    expect(dropped).toHaveLength(family === 'ipv4' ? 0 : 2 * hooks);
    for (const line of dropped) expect(line).toMatch(/(iifname|-i) "?cwy0/);
    expect(ruleset.full(holding([]))).not.toMatch(/fe80::.*\bdrop\b/i);
  });

  it('let nothing into a name or a rule that is no hash, no address, no rate', () => {
    const limited = [{ matches: peers(1, family), connections: 0, per: 'minute', burst: 1 }] as const;
    const ingress = { default: 'deny', deny: [], allow: [], limited } as const;
    const bad: readonly PolicyIntent[] = [
      { ...one, id: 'x; flush ruleset' },
      { ...one, id: '0123456789abcdef0' },
      { ...one, subjects: ['10.10.1.2 accept'] },
      { ...one, ingress },
      withDenied(one, [{ cidr: '10.0.0.0/8 -j ACCEPT' }]),
      withDenied(one, [{ ...(peers(1, family)[0] as PolicyMatch), lastPort: 65_536 }]),
    ];
    for (const policy of bad) expect(() => ruleset.full(holding([policy]))).toThrow('rendering rules');
  });
});
