import { expect, it } from 'vitest';
import { FAMILIES } from '../net/family.ts';
import { vtepMac } from './vtep.ts';

it('is a local address of one host, for every id', () => {
  for (let n = 0; n < 1_000; n++)
    expect(vtepMac(`node-${n}`, 1, 'ipv4')).toMatch(/^[0-9a-f][26ae](:[0-9a-f]{2}){5}$/);
});

it('is the same for the same tunnel, and another for another host, network or family', () => {
  const all = ['a', 'b'].flatMap((id) =>
    [1, 2].flatMap((vni) => FAMILIES.map((family) => vtepMac(id, vni, family))),
  );
  expect(new Set(all).size).toBe(8);
  // Peers have it in their kernels: an upgrade that changed it would cut every tunnel for a moment.
  expect(all[0]).toBe(vtepMac('a', 1, 'ipv4'));
  expect(vtepMac('7b0c', 1, 'ipv4')).toMatchInlineSnapshot(`"9a:2f:0f:73:fb:ef"`);
});
