import { describe, expect, it } from 'vitest';
import { FAMILIES, type Family } from '../../net/family.ts';
import { AFFINITY_BUCKETS } from '../rendezvous.ts';
import { clientsOf } from './clients.ts';

/** Clients that differ in one part of their address only, and by little. */
const CLIENTS: Readonly<Record<Family, readonly (readonly number[])[]>> = {
  ipv4: [0x0a0a0000, 0xc0a87a00].flatMap((net) =>
    [0, 8].flatMap((shift) => Array.from({ length: 256 }, (_, i) => [net + i * 2 ** shift])),
  ),
  ipv6: [0, 1, 2, 3].flatMap((word) =>
    Array.from({ length: 256 }, (_, i) => [0xfd000010, 1, 0, 2].map((w, at) => (at === word ? w + i : w))),
  ),
};

describe.each(FAMILIES)('the clients of an endpoint, %s', (family) => {
  const clients = CLIENTS[family];
  /** Which of the buckets each client is in. */
  const bucketsOf = (client: readonly number[]) =>
    Array.from({ length: AFFINITY_BUCKETS }, (_, i) => i).filter((i) =>
      matches(programs[i] ?? '', client, family),
    );
  const programs = Array.from({ length: AFFINITY_BUCKETS }, (_, i) =>
    clientsOf(
      Array.from({ length: AFFINITY_BUCKETS }, (_, j) => i === j),
      family,
    ),
  );

  it('are those of its buckets: each client is in exactly one', () => {
    const odd = clientsOf(
      Array.from({ length: AFFINITY_BUCKETS }, (_, i) => i % 2 === 1),
      family,
    );
    for (const client of clients.slice(0, 64)) {
      const [bucket = -1, ...more] = bucketsOf(client);
      expect(more).toEqual([]);
      expect(matches(odd, client, family)).toBe(bucket % 2 === 1);
    }
  });

  it('are spread evenly, whatever part of their address tells them apart', () => {
    const quarter = (n: number) =>
      clientsOf(
        Array.from({ length: AFFINITY_BUCKETS }, (_, i) => i >> 6 === n),
        family,
      );
    for (let at = 0; at < clients.length; at += 256)
      for (const n of [0, 1, 2, 3]) {
        const found = clients.slice(at, at + 256).filter((client) => matches(quarter(n), client, family));
        // Binomial with a mean of 64 and a deviation of 7.
        expect(Math.abs(found.length - 64)).toBeLessThan(30);
      }
  });

  it('are found by a program that the kernel takes', () => {
    expect(programs[0]).toMatch(/^-m bpf --bytecode "\d+,32 0 0 \d+,[\d ,]+,22 0 0 0"$/);
    expect(Number(/(\d+),/.exec(programs[0] ?? '')?.[1])).toBe(family === 'ipv4' ? 43 : 55);
  });
});

/** Runs a program as the kernel does. @param source words of the client's address */
function matches(match: string, source: readonly number[], family: Family): boolean {
  const [length, ...program] = (/"(.*)"/.exec(match)?.[1] ?? '').split(',');
  if (program.length !== Number(length) || program.length > 64) throw new Error(`length: ${match}`);
  const packet = new Map(source.map((word, i) => [(family === 'ipv4' ? 12 : 8) + i * 4, word]));
  let [a, x, memory] = [0, 0, 0];
  for (let at = 0; at < program.length; at++) {
    const [code, yes = 0, no = 0, k = 0] = (program[at] ?? '').split(' ').map(Number);
    if (code === 0x00) a = k;
    else if (code === 0x20) a = packet.get(k) ?? Number.NaN;
    else if (code === 0x02) memory = a;
    else if (code === 0x60) a = memory;
    else if (code === 0x07) x = a;
    else if (code === 0x87) a = x;
    else if (code === 0x24) a = Math.imul(a, k) >>> 0;
    else if (code === 0x54) a = (a & k) >>> 0;
    else if (code === 0x74) a >>>= k;
    else if (code === 0x7c) a >>>= x;
    else if (code === 0xa4) a = (a ^ k) >>> 0;
    else if (code === 0xac) a = (a ^ x) >>> 0;
    else if (code === 0x05) at += k;
    else if (code === 0x15) at += a === k ? yes : no;
    else if (code === 0x16) return a !== 0;
    else throw new Error(`instruction ${program[at]}`);
  }
  throw new Error('no end');
}
