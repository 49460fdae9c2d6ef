import type { LabContainer } from '@causeway/lab/lab';
import { beforeAll, describe, expect, it } from 'vitest';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { fetches, inNetworkOf } from '../support/seeds.ts';

/**
 * Chapter 7 of the text "how Docker works" (S2b): a Service of Kubernetes by hand. The story (`npm start`, story_3) shows
 * the same with both dataplanes; here are the chains that the text writes.
 */
const up = useLab({ name: 'seed-s2b', hosts: 2, dataplane: 'iptables' });
const SERVICE = 'http://2.2.2.2:88/hello';

describe('S2b: a Service by hand', () => {
  let [first, second]: LabContainer[] = [];

  beforeAll(async () => {
    const all = await up.lab.containers();
    [first, second] = ['web-1', 'web-2'].map((name) =>
      all.find((each) => each.name === name),
    ) as LabContainer[];
    const to = ['--to', 'web-1:12345', '--to', 'web-2:12345'];
    await svcctl(
      up.lab,
      'expose',
      '2.2.2.2:88',
      '--name',
      'test-service1',
      ...to,
      '--node-port',
      '30001',
      '--wait',
    );
  });

  it('curl 2.2.2.2:88/hello is answered on a host, in a container and outside', async () => {
    for (const where of ['host-1', 'host-2', 'web-1', 'client'])
      expect(await fetches(up.lab, where, SERVICE)).toMatch(/^hello from web-[12]$/);
  });

  it('a node port leads to the same', async () => {
    for (const host of up.lab.hosts)
      expect(await fetches(up.lab, 'client', `http://${up.lab.addressOf(host)}:30001/hello`)).toMatch(
        /^hello from web-[12]$/,
      );
  });

  it('chains for the service and each endpoint: statistic mode random with probability 0.5, then DNAT', async () => {
    const rules = await output(up.lab, 'host-1', 'iptables-save', '-t', 'nat');
    expect(rules).toMatch(/--mode random --probability 0\.50000\d* .*-j CWY-SEP-/);
    for (const each of [first, second]) expect(rules).toContain(`--to-destination ${each?.address}:12345`);
    for (const hook of ['OUTPUT', 'PREROUTING', 'POSTROUTING'])
      expect(rules).toMatch(new RegExp(`^-A ${hook} .*-j CWY-`, 'm'));
    expect(rules).toMatch(/--dst-type LOCAL .*-j CWY-NODEPORTS/);
    expect(rules).toMatch(/-j MARK --set-xmark/);
    expect(rules).toMatch(/-j MASQUERADE/);
  });

  it('an endpoint that reaches itself through the address is masqueraded (hairpin)', async () => {
    const many = Array(20).fill(`curl -sS -m 5 ${SERVICE}`).join('; ');
    const answers = (await inNetworkOf(up.lab, 'web-1', 'sh', '-c', many)).split('\n');
    expect(new Set(answers)).toEqual(new Set(['hello from web-1', 'hello from web-2']));
  });
});
