import { describe, expect, it } from 'vitest';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

describe('svcctl ipam check', () => {
  const checked = { services: 2, vips: 3, nodePorts: 1, subnets: 3, reservations: 0 };
  const SEEN = 'checked 2 services with 3 VIPs and 1 NodePorts, 3 subnets, 0 reservations';

  it('ends with 0 when nothing is found', async () => {
    controller.answer('GET', '/v1/ipam/check', { body: { ok: true, findings: [], checked } });
    expect(await svcctl(['ipam', 'check'])).toEqual({
      code: 0,
      stdout: `${SEEN}: nothing is leaked, doubled or missing\n`,
      stderr: '',
    });
  });

  it('says which hosts could not be asked', async () => {
    const body = { ok: true, findings: [], unasked: ['host-2 could not be asked'] };
    const all = { ...checked, containers: 4, publishedPorts: 1, hosts: 2 };
    controller.answer('GET', '/v1/ipam/check', { body: { ...body, checked: all } });
    expect(await svcctl(['ipam', 'check'])).toEqual({
      code: 0,
      stdout: `${SEEN}, 4 containers with 1 published ports, the kernels of 2 hosts: nothing is leaked, doubled or missing\n`,
      stderr: 'svcctl: host-2 could not be asked\n',
    });
  });

  it('ends with 1 and a line for each finding', async () => {
    const findings = ['VIP 2.2.2.2 is held by service "gone", which is not there', 'another\u001b[2J'];
    controller.answer('GET', '/v1/ipam/check', { body: { ok: false, findings, checked } });
    expect(await svcctl(['ipam', 'check'])).toEqual({
      code: 1,
      stdout: `${SEEN}\n${findings[0]}\nanother\\u001b[2J\n`,
      stderr: 'svcctl: the check has 2 findings\n',
    });
    const { code, stdout } = await svcctl(['ipam', 'check', '-o', 'json']);
    expect([code, JSON.parse(stdout)]).toEqual([1, { kind: 'IpamCheck', ok: false, findings, checked }]);
  });
});
