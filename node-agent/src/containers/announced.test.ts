import { expect, it } from 'vitest';
import { announced } from './announced.ts';
import type { Decision } from './decision.ts';
import type { ContainerRecord } from './records.ts';

const spec = (name: string) => ({ name, host: 'host-1', command: ['x'], files: {} });
const record = (name: string, address: string, more: Partial<ContainerRecord> = {}): ContainerRecord => ({
  ...{ name, address, specHash: 'x' },
  ...more,
});
const keep = (name: string, address: string): Decision => ({
  ...{ kind: 'keep', name, pid: 1, spec: spec(name), addresses: { ipv4: address } },
});
const told = (
  all: readonly Decision[],
  records: readonly ContainerRecord[],
  attached: readonly string[] = [],
) =>
  announced(all, {
    records: new Map(records.map((one) => [one.name, one])),
    running: new Map(
      records
        .map(({ name }) => [name, { pid: 1, netns: 1 }] as const)
        .filter(([name]) => !name.startsWith('gone')),
    ),
    attached: new Map(attached.map((name) => [name, 1])),
  });

it('tells of what containers have and are about to have, and of what they give up', () => {
  const records = [record('a', '10.10.1.2'), record('b', '10.10.1.9', { movedFrom: { ipv4: '10.10.1.8' } })];
  expect(told([keep('b', '10.10.1.3'), keep('a', '10.10.1.2'), keep('new', '10.10.1.4')], records)).toEqual([
    { name: 'a', addresses: { ipv4: '10.10.1.2' } },
    { name: 'b', addresses: { ipv4: '10.10.1.3' }, leaving: ['10.10.1.9', '10.10.1.8'] },
    { name: 'new', addresses: { ipv4: '10.10.1.4' } },
  ]);
});

it('tells of those that run and that nothing can be decided about', () => {
  const refused: Decision = { kind: 'refuse', name: 'r', error: new Error('no') };
  const records = [record('r', '10.10.1.2'), record('spared', '10.10.1.3'), record('gone', '10.10.1.4')];
  expect(told([refused, { ...refused, name: 'never' }], records)).toEqual([
    { name: 'r', addresses: { ipv4: '10.10.1.2' } },
    { name: 'spared', addresses: { ipv4: '10.10.1.3' } },
  ]);
});

it('tells of none that is not on the bridge, or rests', () => {
  const host: Decision = {
    ...{ kind: 'keep', name: 'h', pid: 1, addresses: { ipv4: '192.168.122.11' } },
    spec: { ...spec('h'), network: { kind: 'host' } },
  };
  const rest: Decision = {
    ...{ kind: 'rest', name: 's', state: 'stopped', spec: spec('s'), addresses: { ipv4: '10.10.1.2' } },
  };
  expect(told([host, rest], [record('gone-s', '10.10.1.2')])).toEqual([]);
});
