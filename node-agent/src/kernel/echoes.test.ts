import { beforeEach, describe, expect, it } from 'vitest';
import type { Step } from '../plan/step.ts';
import { createEchoes, type Echoes } from './echoes.ts';

const text = '';
const route = {
  family: 'ipv6' as const,
  ...{
    destination: 'fd00:10:0:2::/64',
    type: 'unicast',
    gateway: 'fd00:122::12',
    device: 'eth0',
    metric: 1024,
  },
};
const add: Step = { kind: 'route-add', route, text };
const line = '[ROUTE]fd00:10:0:2::/64 via fd00:122::12 dev eth0 proto 88 metric 1024 pref medium';
const deleted = line.replace(']', ']Deleted ');

describe('the echo of our own changes', () => {
  let time: number;
  let echoes: Echoes;
  beforeEach(() => {
    time = 10_000;
    echoes = createEchoes(() => time);
  });

  it('is known once for each change', () => {
    echoes.expect([add]);
    expect([echoes.claims(line), echoes.claims(line)]).toEqual([true, false]);
  });

  it('is of exactly this change', () => {
    echoes.expect([add]);
    expect(echoes.claims(deleted)).toBe(false);
    expect(echoes.claims(line.replace('::12', '::13'))).toBe(false);
    expect(echoes.claims(line.replace('proto 88', 'proto 3'))).toBe(false);
    echoes.expect([{ kind: 'route-delete', route, text }]);
    expect(echoes.claims(deleted)).toBe(true);
  });

  it('is known of a tunnel’s neighbours and of its forwarding entries', () => {
    const entry = { link: 'cwyx.1', mac: '02:00:00:00:00:03', text };
    echoes.expect([
      { kind: 'neighbour-replace', ...entry, address: '10.10.3.0' },
      { kind: 'forwarding-replace', ...entry, remote: '192.168.122.13' },
    ]);
    expect(echoes.claims('[NEIGH]10.10.3.0 dev cwyx.1 lladdr 02:00:00:00:00:03 PERMANENT ')).toBe(true);
    expect(echoes.claims('[NEIGH]192.168.122.13 dev cwyx.1 lladdr 02:00:00:00:00:03 NOARP PERMANENT ')).toBe(
      true,
    );
    expect(echoes.claims('[NEIGH]Deleted 10.10.3.0 dev cwyx.1 lladdr 02:00:00:00:00:03 PERMANENT')).toBe(
      false,
    );
  });

  it('does not come of what was refused, nor for ever', () => {
    echoes.expect([add]);
    echoes.forget([add]);
    expect(echoes.claims(line)).toBe(false);
    echoes.expect([add]);
    time += 60_000;
    expect(echoes.claims(line)).toBe(false);
    echoes.expect([]);
    expect(echoes.claims(line)).toBe(false);
  });

  it('does not come late, also while this host goes on changing things', () => {
    echoes.expect([add]);
    time += 2_000;
    echoes.expect([{ kind: 'route-delete', route, text }]);
    time += 2_000;
    expect([echoes.claims(line), echoes.claims(deleted)]).toEqual([false, true]);
  });
});
