import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PolicyMatch } from '../../shared/src/desired/intent.ts';
import { bitsOf, blockHasIp, parseBlock, parseIp } from '../../shared/src/net/block.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { type Boxes, boxesOf } from '../../shared/src/rules/boxes.ts';
import { anyMatch, POLICY_PORTS, POLICY_WORLD } from '../support/any-network-policies.ts';

const PROTOCOLS = ['tcp', 'udp', 'sctp', 'icmp'] as const;

function isInside(cidr: string, address: string, family: Family): boolean {
  const [block, ip] = [parseBlock(cidr.includes('/') ? cidr : `${cidr}/${bitsOf(family)}`), parseIp(address)];
  return block !== undefined && ip !== undefined && blockHasIp(block, ip);
}

/** How many of each kind a packet is in. */
function countsOf({ peers, ports }: Boxes, [address, protocol, port]: Packet, family: Family): number[] {
  const inPorts = ports.filter(
    (box) =>
      isInside(box.cidr, address, family) &&
      box.protocol === protocol &&
      box.first <= port &&
      port <= box.last,
  );
  return [peers.filter((cidr) => isInside(cidr, address, family)).length, inPorts.length];
}

type Packet = readonly [address: string, protocol: string, port: number];

/** The naive judge. */
function isMeant(
  matches: readonly PolicyMatch[],
  [address, protocol, port]: Packet,
  family: Family,
): boolean {
  return matches.some(
    (match) =>
      isInside(match.cidr, address, family) &&
      (match.protocol === undefined ||
        (match.protocol === protocol && (match.firstPort ?? 0) <= port && port <= (match.lastPort ?? 65535))),
  );
}

describe.each(FAMILIES)('boxes, %s', (family) => {
  it('hold each packet that the matches mean, once of each kind, and no other', () => {
    fc.assert(
      fc.property(fc.array(anyMatch(family), { maxLength: 12 }), (matches) => {
        const boxes = boxesOf(matches, family);
        for (const address of POLICY_WORLD[family].addresses)
          for (const protocol of PROTOCOLS)
            for (const port of POLICY_PORTS) {
              const packet = [address, protocol, port] as const;
              const counts = countsOf(boxes, packet, family);
              expect(Math.max(...counts)).toBe(isMeant(matches, packet, family) ? 1 : 0);
            }
      }),
      { numRuns: 60 },
    );
  });

  it('are the same whatever the order of the matches', () => {
    fc.assert(
      fc.property(fc.array(anyMatch(family), { maxLength: 12 }), (matches) => {
        const sorted = ({ peers, ports }: Boxes) =>
          [...peers, ...ports.map((box) => JSON.stringify(box))].sort();
        expect(sorted(boxesOf([...matches].reverse(), family))).toEqual(sorted(boxesOf(matches, family)));
      }),
    );
  });

  it('never say all addresses in one CIDR, which ipset does not take', () => {
    const all = family === 'ipv4' ? '0.0.0.0/0' : '::/0';
    const halves = family === 'ipv4' ? ['0.0.0.0/1', '128.0.0.0/1'] : ['::/1', '8000::/1'];
    expect(boxesOf([{ cidr: all }], family)).toEqual({ peers: halves, ports: [] });
  });
});
