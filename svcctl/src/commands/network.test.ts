import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

const NETWORK = {
  ipv4: {
    network: '10.10.0.0/16',
    subnetLen: 24,
    subnetMin: '10.10.1.0',
    subnetMax: '10.10.255.0',
    ...{ subnets: 255, leased: 3, reserved: 1 },
  },
  backend: {
    type: 'vxlan',
    directRouting: true,
    tunnel: { vni: 1, port: 8472, learning: false, gbp: false },
  },
  masquerade: true,
  nonMasqueradeCidrs: ['10.0.0.0/8'],
  fingerprint: '0a1b2c3d',
  warnings: [],
  revision: 7,
};
const REFUSED = {
  ...NETWORK,
  refused: {
    reason: 'it would renumber 1 host (host-1)',
    hosts: ['host-1'],
    config: { ...NETWORK, fingerprint: '99999999' },
  },
};

describe('svcctl network', () => {
  it('shows what hosts follow', async () => {
    controller.answer('GET', '/v1/network', { body: NETWORK });
    const { stdout } = await svcctl(['network', 'get']);
    expect(stdout).toMatch(
      /^IPv4: +10\.10\.0\.0\/16 in subnets of \/24, 10\.10\.1\.0 to 10\.10\.255\.0, 3 of 255 leased, 1 reserved\n/,
    );
    expect(stdout).toMatch(/\nBackend: +vxlan VNI 1, port 8472, plain routes on the same link\n/);
    expect(stdout).toMatch(/\nMasquerade: +yes, but not to 10\.0\.0\.0\/8\n/);
    expect(JSON.parse((await svcctl(['network', 'get', '-o', 'json'])).stdout)).toEqual({
      kind: 'Network',
      ...NETWORK,
    });
  });

  it('shows what waits to be confirmed, and why', async () => {
    controller.answer('GET', '/v1/network', { body: REFUSED });
    const { stdout } = await svcctl(['network', 'get']);
    expect(stdout).toMatch(/\nNot followed: +IPv4: 10\.10\.0\.0\/16/);
    expect(stdout).toMatch(/\nWhy: +it would renumber 1 host \(host-1\)\nHosts: +host-1\n$/);
  });

  it('sends the parts that are named, and no others', async () => {
    const headers = { 'x-causeway-changed': 'true' };
    controller.answer('PATCH', '/v1/network', { body: { ...NETWORK, warnings: ['a warning'] }, headers });
    const argv = [
      ...['--network', '10.20.0.0/16', '--subnet-len', '25', '--network-ipv6', 'none', '--backend', 'vxlan'],
      ...['--direct-routing', '--vni', '7', '--mtu', '0', '--masquerade', 'false', '--non-masquerade', ''],
    ];
    const { code, stdout, stderr } = await svcctl(['network', 'set', ...argv, '--renumber']);
    expect([code, stderr]).toEqual([0, 'svcctl: a warning\n']);
    expect(stdout).toMatch(/^network changed\nIPv4: /);
    expect(controller.asked.at(-1)).toMatchObject({
      query: { renumber: 'true' },
      body: {
        ...{ network: '10.20.0.0/16', subnetLen: 25, networkIpv6: 'none', backend: 'vxlan' },
        ...{ directRouting: true, vni: 7, mtu: 0, masquerade: false, nonMasqueradeCidrs: [] },
      },
    });
    expect(Object.keys(controller.asked.at(-1)?.body as object)).toHaveLength(9);
  });

  it('names what is refused as it was typed', async () => {
    const refusal = problem('invalid', 422, 'nonMasqueradeCidrs[0] "x" is not a network');
    const body = { ...(refusal.body as object), field: 'nonMasqueradeCidrs[0]' };
    controller.answer('PATCH', '/v1/network', { ...refusal, body });
    const { code, stderr } = await svcctl(['network', 'set', '--non-masquerade', 'x']);
    expect([code, stderr]).toEqual([2, 'svcctl: non-masquerade[0] "x" is not a network\n']);
  });

  it('says that nothing changed', async () => {
    controller.answer('PATCH', '/v1/network', { body: NETWORK, headers: { 'x-causeway-changed': 'false' } });
    const { stdout } = await svcctl(['network', 'set', '--direct-routing', 'true', '--dry-run']);
    expect(stdout).toMatch(/^network unchanged \(dry run\)\n/);
  });

  it('confirms what it was shown', async () => {
    controller
      .answer('GET', '/v1/network', { body: REFUSED })
      .answer('POST', '/v1/network/confirm', { body: NETWORK, headers: { 'x-causeway-changed': 'true' } });
    expect((await svcctl(['network', 'confirm'])).stdout).toMatch(/^network confirmed\n/);
    expect(controller.asked.at(-1)?.body).toEqual({ fingerprint: '99999999' });
  });

  it.each([
    [['set'], 2, 'names nothing to change'],
    [['set', '--vni', 'x'], 2, 'vni "x" is not a whole number'],
    [['set', '--backend', 'udp'], 2, 'Allowed choices are host-gw, vxlan'],
    [['set', '--direct-routing', 'maybe'], 2, 'is neither "true" nor "false"'],
    [['set', '--network', '10.20.0.0/16'], 4, '2 hosts would have to take other subnets'],
  ])('%j ends with %i', async (argv, code, sentence) => {
    controller.answer(
      'PATCH',
      '/v1/network',
      problem('conflict', 409, 'changing the network: 2 hosts would have to take other subnets'),
    );
    const result = await svcctl(['network', ...argv]);
    expect(result).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(sentence) });
  });
});
