import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const SETTINGS = {
  ...{ serviceRange: '10.96.0.0/16', serviceRangeIpv6: 'fd00:10:96::/112' },
  ...{ nodePortCidrs: [], nodePortMin: 30000, nodePortMax: 32767, warnings: [], revision: 7 },
};

describe('svcctl settings', () => {
  it('shows them', async () => {
    controller.answer('GET', '/v1/settings', { body: SETTINGS });
    expect((await svcctl(['settings', 'get'])).stdout.replaceAll(/ +/g, ' ')).toBe(
      'Service range: 10.96.0.0/16\nof IPv6: fd00:10:96::/112\nNodePorts: 30000-32767\n' +
        'served on: every address of a host\nRevision: 7\n',
    );
    expect(JSON.parse((await svcctl(['settings', 'get', '-o', 'json'])).stdout)).toEqual({
      kind: 'Settings',
      ...SETTINGS,
    });
  });

  it.each([
    [['--service-range', '10.96.0.0/15'], { serviceRange: '10.96.0.0/15' }],
    [['--service-range-ipv6', 'none'], { serviceRangeIpv6: 'none' }],
    [['--node-port-range', '30000-31000'], { nodePortMin: 30000, nodePortMax: 31000 }],
    [['--node-port-cidrs', '10.0.0.0/8, fd00::/64'], { nodePortCidrs: ['10.0.0.0/8', 'fd00::/64'] }],
    [['--node-port-cidrs', ''], { nodePortCidrs: [] }],
  ])('%j sends %j', async (flags, body) => {
    const changed = { ...SETTINGS, warnings: ['no host has an address there'] };
    const headers = { 'x-causeway-changed': 'true', 'x-causeway-revision': '8' };
    controller.answer('PATCH', '/v1/settings', { body: changed, headers });
    const { stdout, stderr } = await svcctl(['settings', 'set', ...flags, '--dry-run']);
    expect(controller.asked.at(-1)).toMatchObject({ body, query: { dryRun: 'true' } });
    expect(stdout).toMatch(/^settings changed \(dry run\)\nService range: /);
    expect(stderr).toBe('svcctl: no host has an address there\n');
  });

  it('says that nothing changed, and refuses in the words of the flags', async () => {
    controller.answer('PATCH', '/v1/settings', {
      body: SETTINGS,
      headers: { 'x-causeway-changed': 'false' },
    });
    const same = await svcctl(['settings', 'set', '--service-range', '10.96.0.0/16']);
    expect(same.stdout).toMatch(/^settings unchanged\n/);
    const sentence = 'serviceRangeIpv6 "none" leaves out fd00:10:96::5, the VIP of service "web"';
    controller.answer('PATCH', '/v1/settings', problem('conflict', 409, sentence, 'serviceRangeIpv6'));
    const { code, stderr } = await svcctl(['settings', 'set', '--service-range-ipv6', 'none']);
    expect([code, stderr]).toEqual([
      4,
      'svcctl: service-range-ipv6 "none" leaves out fd00:10:96::5, the VIP of service "web"\n',
    ]);
  });

  it.each([
    [[], 'settings set "" names nothing to change (see --help)'],
    [['--node-port-range', '9'], 'node-port-range "9" is not a range of ports such as 30000-32767'],
  ])('%j asks nobody', async (flags, sentence) => {
    const { code, stderr } = await svcctl(['settings', 'set', ...flags]);
    expect([code, stderr]).toEqual([2, `svcctl: ${sentence}\n`]);
    expect(controller.asked).toEqual([]);
  });
});
