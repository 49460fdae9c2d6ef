import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FirewallIntent, ServiceIntent } from '../../shared/src/desired/intent.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { NO_OTHERS } from '../../shared/src/rules/iptables/others.ts';
import { questionOf } from '../../shared/src/rules/iptables/question.ts';
import { publishedIntent } from '../support/any-published.ts';
import { type Dataplane, dataplaneIn } from '../support/dataplanes.ts';
import { intentOf, manyServices, serviceIntent, testPolicy, testService } from '../support/intents.ts';
import { type Netns, openNetns } from '../support/netns.ts';

/** Services that need everything: the first has an endpoint on this host, the second has none. */
function needyServices(family: Family): FirewallIntent {
  const { endpoints } = testService(family);
  const needy: Partial<ServiceIntent> = {
    ...{ endpoints, affinity: true, internalPolicy: 'local', externalPolicy: 'local' },
    sourceRanges: family === 'ipv4' ? ['10.0.0.0/8'] : ['fd00::/8'],
  };
  const vip = family === 'ipv4' ? '10.96.9.9' : 'fd00:96::9';
  const localEndpoints = endpoints.slice(0, 1);
  const services = [
    serviceIntent({ ...needy, id: 'z-here', vip, port: 54, nodePort: 30010, localEndpoints }),
    serviceIntent({ ...needy, id: 'z-elsewhere', vip, port: 55, nodePort: 30011 }),
  ];
  const cidrs = family === 'ipv4' ? ['192.168.122.0/24'] : ['fd00:122::/64'];
  return {
    ...intentOf([...manyServices(10, family), ...services], family),
    nodePortCidrs: cidrs,
    policies: [testPolicy(family)],
    published: [publishedIntent({ hostPort: 8080, address: endpoints[0]?.address ?? '', port: 80 })],
  };
}

describe.each(FAMILIES)('the question to iptables-legacy, %s', (family) => {
  const program = family === 'ipv4' ? 'iptables-legacy' : 'ip6tables-legacy';
  const intent = needyServices(family);
  let world: Netns;
  let dataplane: Dataplane;
  /** What each turn is answered; the services that need everything are asked for in the second. */
  const answers = () =>
    Promise.all(
      [0, 1].map(async (turn) => {
        const input = questionOf({ role: 'serving', intent, others: NO_OTHERS }, turn);
        const args = ['--noflush', '--test', '--wait', '5'];
        const { exitCode } = await world.exec(`${program}-restore`, args, { input, okCodes: [1, 2] });
        return exitCode === 0 ? 'all there' : 'something is gone';
      }),
    );

  beforeAll(async () => {
    world = await openNetns();
    dataplane = dataplaneIn(world, 'iptables-legacy');
  });
  afterAll(() => world.close());

  it.each([
    ['nothing', ':', ['all there', 'all there']],
    ['the jumps to the source ranges', '-t mangle -F OUTPUT', ['something is gone', 'something is gone']],
    ['all source ranges', '-t mangle -F CWY-SOURCES', ['all there', 'something is gone']],
    ['those of NodePorts', '-t mangle -F CWY-NODESOURCES', ['all there', 'something is gone']],
    ['a drop', '-F CWY-UNSERVED', ['all there', 'something is gone']],
    ['the subjects of policies', '-F CWY-INGRESS', ['something is gone', 'something is gone']],
    ['what a policy says', '-F CWY-PTO-5f3a', ['something is gone', 'something is gone']],
    ['a rate', '-F CWY-PTO-5f3a-0', ['something is gone', 'something is gone']],
    ['published ports', '-t nat -F CWY-PUBLISHED-ANYWHERE', ['something is gone', 'something is gone']],
    ...['SRC', 'SVC', 'SVL', 'INT', 'EXT', 'SEP'].map((chain) => [
      `what a chain ${chain} holds`,
      `-t ${chain === 'SRC' ? 'mangle' : 'nat'} -F "$(${program} -t ${chain === 'SRC' ? 'mangle' : 'nat'} -S |
        sed -n 's/^-A \\(CWY-${chain}-[^ ]*\\) .*z-here.*/\\1/p' | head -1)"`,
      ['all there', 'something is gone'],
    ]),
  ])('finds out that %s went', async (_, damage, expected) => {
    await dataplane.apply(family, dataplane.ruleset.full(intent, await dataplane.list(family)));
    expect(await answers()).toEqual(['all there', 'all there']);
    if (damage !== ':') await world.sh(`${program} ${damage}`);
    expect(await answers()).toEqual(expected);
  });
});
