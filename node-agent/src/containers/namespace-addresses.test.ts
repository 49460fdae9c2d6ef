import { expect, it } from 'vitest';
import { addressesIn } from './namespace-addresses.ts';

it('takes the addresses that others reach a container at', () => {
  const info = (local: string, scope: string) => ({ family: 'inet', local, scope, prefixlen: 24 });
  const listing = [
    { ifname: 'lo', addr_info: [info('127.0.0.1', 'host'), info('::1', 'host')] },
    {
      ifname: 'eth0',
      addr_info: [info('fd00:10:0:1:0::2', 'global'), info('fe80::1', 'link'), info('10.10.1.2', 'global')],
    },
    { ifname: 'down' },
  ];
  expect(addressesIn(JSON.stringify(listing))).toEqual(['10.10.1.2', 'fd00:10:0:1::2']);
  expect(addressesIn('')).toEqual([]);
});
