import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseSubnetFile, renderSubnetFile, subnetFile } from './subnet-file.ts';

const config: NetworkConfig = {
  ipv4: { network: '10.10.0.0/16', subnetLen: 24, subnetMin: '10.10.1.0', subnetMax: '10.10.255.0' },
  ipv6: { network: 'fd00:10::/48', subnetLen: 64, subnetMin: 'fd00:10:0:1::', subnetMax: 'fd00:10:0:ffff::' },
  backend: { type: 'host-gw', direct: true },
  masquerade: true,
  nonMasqueradeCidrs: [],
};
const both = { ipv4: '10.10.7.0/24', ipv6: 'fd00:10:0:7::/64' };
const inFlannelsOrder = [
  'FLANNEL_NETWORK=10.10.0.0/16',
  'FLANNEL_SUBNET=10.10.7.1/24',
  'FLANNEL_IPV6_NETWORK=fd00:10::/48',
  'FLANNEL_IPV6_SUBNET=fd00:10:0:7::1/64',
  'FLANNEL_MTU=1450',
  'FLANNEL_IPMASQ=true',
  '',
].join('\n');

describe('the text', () => {
  it("is flannel's, with a gateway for each family that the host has", () => {
    expect(renderSubnetFile({ config, subnets: both, mtu: 1450 })).toBe(inFlannelsOrder);
    const plain = { ...config, masquerade: false };
    expect(renderSubnetFile({ config: plain, subnets: { ipv6: both.ipv6 }, mtu: 1500 })).toBe(
      'FLANNEL_IPV6_NETWORK=fd00:10::/48\nFLANNEL_IPV6_SUBNET=fd00:10:0:7::1/64\nFLANNEL_MTU=1500\nFLANNEL_IPMASQ=false\n',
    );
    expect(renderSubnetFile({ config, subnets: {}, mtu: 1500 })).toBe('');
  });

  it('is read back to the subnets; what is none is left out', () => {
    expect(parseSubnetFile(inFlannelsOrder)).toEqual(both);
    expect(parseSubnetFile('FLANNEL_SUBNET=10.10.7.1/24\r\n')).toEqual({ ipv4: '10.10.7.0/24' });
    for (const text of [
      '',
      'x',
      '=',
      'FLANNEL_SUBNET=',
      'FLANNEL_SUBNET=fd00::1/64',
      'FLANNEL_SUBNET=10.10.7.1',
    ])
      expect(parseSubnetFile(text)).toEqual({});
  });
});

describe('the file', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'causeway-subnet-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const path = () => join(directory, 'flannel', 'subnet.env');

  it('is written whole, for everybody to read, and only when it differs', async () => {
    const file = subnetFile(path());
    await file.keep({ config, subnets: both, mtu: 1450 });
    expect(await readFile(path(), 'utf8')).toBe(inFlannelsOrder);
    const before = await stat(path());
    expect(before.mode & 0o777).toBe(0o644);
    await file.keep({ config, subnets: both, mtu: 1450 });
    expect((await stat(path())).ino).toBe(before.ino);
    expect(await file.subnets()).toEqual(both);
    expect(await readdir(join(directory, 'flannel'))).toEqual(['subnet.env']);
  });

  it('is gone while the host has no subnet', async () => {
    const file = subnetFile(path());
    await file.keep({ config, subnets: both, mtu: 1450 });
    await file.keep({ config, subnets: {}, mtu: 1450 });
    expect(await readdir(join(directory, 'flannel'))).toEqual([]);
    expect(await file.subnets()).toEqual({});
  });

  it('is removed only when it names the own subnets', async () => {
    const file = subnetFile(path());
    await file.keep({ config, subnets: both, mtu: 1450 });
    expect(await file.remove({ ipv4: both.ipv4 })).toBe(false);
    expect(await file.remove({ ...both, ipv4: '10.10.8.0/24' })).toBe(false);
    expect(await file.remove(both)).toBe(true);
    expect(await file.remove(both)).toBe(false);
    expect(await file.remove({})).toBe(false);
  });

  it('that cannot be written is told with its path', async () => {
    await writeFile(join(directory, 'flannel'), '');
    await expect(subnetFile(path()).keep({ config, subnets: both, mtu: 1 })).rejects.toThrow(
      /^writing the subnet file \S+subnet\.env: /,
    );
  });

  it('does not exist without a path', async () => {
    const none = subnetFile(undefined);
    await none.keep({ config, subnets: both, mtu: 1450 });
    expect([await none.subnets(), await none.remove({})]).toEqual([{}, false]);
  });
});
