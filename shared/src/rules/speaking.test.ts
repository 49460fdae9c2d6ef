import { describe, expect, it } from 'vitest';
import { endpoint, intentOf, serviceIntent, testService } from '../../../test/support/intents.ts';
import type { ServiceIntent } from '../desired/intent.ts';
import { FAMILIES, type Family } from '../net/family.ts';
import { ruleset as iptables } from './iptables/index.ts';
import { ruleset as nftables } from './nftables/index.ts';

const cases = FAMILIES.flatMap((family) => [
  { name: 'nftables', ruleset: nftables, family },
  { name: 'iptables', ruleset: iptables, family },
]);

/** Two services of one VIP, one of them restricted, and one that has a NodePort. */
const intentIn = (family: Family) => {
  const [vip, address, range] =
    family === 'ipv4'
      ? ['10.96.0.1', '10.10.1.9', '10.0.0.0/8']
      : ['fd00:96::1', 'fd00:10:0:1::9', 'fd00::/8'];
  const two = { vip, endpoints: [endpoint(address)] };
  return intentOf(
    [
      testService(family),
      serviceIntent({ ...two, id: 'one', port: 81 }),
      serviceIntent({ ...two, id: 'two', port: 82, sourceRanges: [range] }),
    ],
    family,
  );
};

describe.each(cases)('lines of $name, $family', ({ ruleset, family }) => {
  const intent = intentIn(family);
  const linesOf = (services: readonly ServiceIntent[]) =>
    ruleset
      .full({ ...intent, services })
      .replaceAll(/,$/gm, '')
      .split('\n');
  const lines = linesOf(intent.services);
  const speaking = (...of: readonly string[]) => ruleset.speaking(intent, of).map(({ id }) => id);

  it('are the services’ that make them, and nobody’s without services', () => {
    const base = new Set(linesOf([]));
    const spoken = new Set<string>();
    for (const service of intent.services) {
      const own = linesOf([service]);
      // What is there for all services, and the statements around their elements, is nobody's.
      const mine = own.filter((line) => !base.has(line) && lines.includes(line) && isRule(line));
      expect(mine.length).toBeGreaterThan(2);
      for (const line of mine) {
        expect(speaking(line)).toContain(service.id);
        spoken.add(line);
      }
    }
    expect(speaking(...base)).toEqual([]);
    expect(spoken.size).toBeGreaterThan(15);
  });

  it('are only those services’', () => {
    expect(speaking(...lines.filter((line) => /30001/.test(line)))).toEqual(['test-service1']);
    const ofVip = speaking(...lines.filter((line) => line.includes(intent.services[0]?.vip ?? '')));
    expect(ofVip).toEqual(['one', 'two']);
    expect(speaking()).toEqual([]);
  });
});

/** Of one service, or several: an element of a map, or a rule or a chain of iptables with a hash or an id. */
function isRule(line: string): boolean {
  return /^ {2}[\da-f.:]+( |$)|^ {2}tcp \. |^(:|-A )CWY-(SVC|SEP|SRC)-|--comment "(one|two|test-service1)"/.test(
    line,
  );
}
