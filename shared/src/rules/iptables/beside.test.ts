import { describe, expect, it } from 'vitest';
import { DOCKER_STARTS_AGAIN, dockerRules } from '../../../../test/support/docker.ts';
import { FakeIptables } from '../../../../test/support/fake-iptables.ts';
import { intentOf, testService } from '../../../../test/support/intents.ts';
import { FAMILIES } from '../../net/family.ts';
import { ruleset } from './index.ts';

describe.each(FAMILIES)('beside others, %s', (family) => {
  const intent = intentOf([testService(family)], family);

  function kernelWith(...inputs: readonly string[]): FakeIptables {
    const kernel = new FakeIptables();
    for (const input of inputs) kernel.apply(input);
    return kernel;
  }

  it('nothing of ours stands where nothing of others does', () => {
    const empty = kernelWith().list();
    for (const listing of ['', empty])
      expect(ruleset.beside(intent, listing)).toEqual({ holds: false, input: '', reasons: [] });
  });

  it.each([
    ['a policy', '*filter\n:FORWARD DROP [0:0]\nCOMMIT\n', ['filter FORWARD']],
    ['a rule', '*filter\n-A FORWARD -p tcp -j DROP\nCOMMIT\n', ['filter FORWARD']],
    ['a rule in raw', '*raw\n-A PREROUTING -i eth7 -j DROP\nCOMMIT\n', ['raw PREROUTING']],
    ['Docker', dockerRules(family), ['filter FORWARD', 'raw PREROUTING']],
  ])('an accept stands in front of %s', (_, others, places) => {
    const kernel = kernelWith(others);
    const before = kernel.list();
    const { holds, input, reasons } = ruleset.beside(intent, before);
    expect({ holds, reasons: reasons.length > 0 }).toEqual({ holds: true, reasons: true });
    kernel.apply(input);
    for (const place of places) expect(firstRule(kernel, place)).toMatch(/ -j CWY-\w+$/);
    expect(ruleset.beside(intent, kernel.list())).toEqual({ holds: true, input: '', reasons: [] });
    kernel.apply(ruleset.clean(kernel.list(), family));
    expect(kernel.list()).toBe(before);
  });

  it('goes when the others go, and takes the place of what served here before', () => {
    const kernel = kernelWith(dockerRules(family));
    kernel.apply(ruleset.full(intent, kernel.list()));
    expect(ruleset.drift(intent, kernel.list())).toEqual([]);
    kernel.apply(ruleset.beside(intent, kernel.list()).input);
    expect(kernel.list()).not.toMatch(/CWY-(SVC|SERVICES|POSTROUTING|VIPS)/);
    expect(kernel.list()).toMatch(/CWY-FORWARD[\s\S]*CWY-PREROUTING/);

    const alone = kernelWith();
    alone.apply(ruleset.full(intent, alone.list()));
    alone.apply(ruleset.beside(intent, alone.list()).input);
    expect(alone.list()).toBe(kernelWith().list());
  });

  it.each([
    ['serves', (listing: string) => ruleset.drift(intent, listing), ruleset.full],
    [
      'stands beside',
      (listing: string) => ruleset.beside(intent, listing).reasons,
      (...[to, listing = '']: Parameters<typeof ruleset.full>) => ruleset.beside(to, listing).input,
    ],
  ])('is told and mended where it %s and others come in front of it', (_, differs, bring) => {
    const kernel = kernelWith(dockerRules(family));
    kernel.apply(bring(intent, kernel.list()));
    expect(differs(kernel.list())).toEqual([]);
    kernel.apply(DOCKER_STARTS_AGAIN);
    expect(differs(kernel.list())).toEqual([
      expect.stringMatching(/^chain FORWARD of filter holds rules of others before ours: /),
    ]);
    kernel.apply(bring(intent, kernel.list()));
    expect(differs(kernel.list())).toEqual([]);
    expect(kernel.list().match(/-A FORWARD .*DOCKER/g)).toHaveLength(2);
  });
});

function firstRule(kernel: FakeIptables, place: string): string {
  const [table = '', chain = ''] = place.split(' ');
  const body = kernel.list().split(`*${table}\n`)[1]?.split('COMMIT')[0] ?? '';
  return body.split('\n').find((line) => line.startsWith(`-A ${chain} `)) ?? '';
}
