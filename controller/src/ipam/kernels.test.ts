import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import { expect, it } from 'vitest';
import { emptyTables, type Tables } from '../view/tables.ts';
import { kernelFindings } from './kernels.ts';

const stored = <T>(value: T) => ({ value, revision: 1 });

function tables(statuses: readonly ContainerStatus[], specs: readonly Partial<ContainerSpec>[] = []): Tables {
  const made = emptyTables();
  made.agent.set('host-1', stored({ node: 'host-1', address: '192.168.122.11', port: 7482, key: '' }));
  for (const status of statuses) made.containerStatus.set(status.name, stored(status));
  const all = statuses.map(({ name, host }) => ({ name, host, command: [], files: {} }));
  for (const spec of all) made.container.set(spec.name, stored(spec));
  for (const spec of specs) {
    const before = made.container.get(spec.name ?? '')?.value;
    if (before !== undefined) made.container.set(before.name, stored({ ...before, ...spec }));
  }
  return made;
}

const running = (name: string, address: string): ContainerStatus => ({
  ...{ name, host: 'host-1', state: 'running', address },
});

const answering = (answer: object) => ({ json: async () => ({ namespaces: [], records: [], ...answer }) });
const namespace = (name: string, ...addresses: string[]) => ({ name, addresses });

it('finds nothing where the kernel has what is told', async () => {
  const told = tables(
    [running('a', '10.10.1.2'), running('shared', '10.10.1.2'), running('host', '192.168.122.11')],
    [
      { name: 'shared', network: { kind: 'container', container: 'a' } },
      { name: 'host', network: { kind: 'host' } },
    ],
  );
  const agents = answering({
    namespaces: [namespace('a', '10.10.1.2')],
    records: [namespace('a', '10.10.1.2')],
  });
  expect(await kernelFindings(told, new Map(), agents)).toEqual({ findings: [], unasked: [], asked: 1 });
});

it('finds what is lost, what is leaked, and what another has', async () => {
  const told = tables([running('a', '10.10.1.2'), running('b', '10.10.1.3'), running('c', '10.10.1.4')]);
  const agents = answering({
    namespaces: [namespace('a', '10.10.1.3'), namespace('b', '10.10.1.3'), namespace('gone', '10.10.1.9')],
    records: [namespace('old', '10.10.1.8'), namespace('none')],
  });
  expect((await kernelFindings(told, new Map(), agents)).findings).toEqual([
    'host-1 has a network namespace of container "gone", which does not exist: it is leaked',
    'host-1 keeps 10.10.1.8 for container "old", which does not exist: it is leaked',
    'address 10.10.1.2 of container "a" is not in the kernel of host-1, which has 10.10.1.3 there',
    'address 10.10.1.4 of container "c" is not in the kernel of host-1, which has no namespace there',
    'address 10.10.1.3 of container "b" is in the namespace of container "a" on host-1',
  ]);
});

it('guesses nothing of a host that cannot be asked', async () => {
  const told = tables([running('a', '10.10.1.2')]);
  const away = () =>
    Promise.reject(new CausewayError('unreachable', 'asking the agent of host-1: it does not run'));
  expect(await kernelFindings(told, new Map(), { json: away })).toEqual({
    findings: [],
    unasked: [
      'host-1 could not be asked what its containers have: asking the agent of host-1: it does not run',
    ],
    asked: 0,
  });
  const told2 = { ...told, agent: new Map() };
  expect((await kernelFindings(told2, new Map(), { json: away })).unasked).toEqual([
    expect.stringContaining('host-1 could not be asked what its containers have: no agent answers there'),
  ]);
  const odd = await kernelFindings(told, new Map(), answering({ namespaces: 'many' }));
  expect(odd.unasked).toEqual([
    'host-1 could not be asked what its containers have: its answer cannot be read',
  ]);
});
