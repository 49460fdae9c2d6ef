import { describe, expect, it } from 'vitest';
import { serviceSpec } from '../../../test/support/desired-host.ts';
import { type ServicePart, serviceSorter } from './service-parts.ts';

const spec = (name: string): ServicePart => ({ spec: serviceSpec(name) });
const set = (service: string, ...unresolved: string[]): ServicePart => ({
  set: { service, endpoints: [], unresolved },
});
const START = [set('a'), spec('a'), set('b'), spec('b'), spec('c')];

describe('serviceSorter', () => {
  it.each([
    ['nothing', START],
    ['a specification', START.with(3, spec('b'))],
    ['endpoints', START.with(0, set('a', 'x'))],
    ['both, in two services', START.with(0, set('a', 'x')).with(4, spec('c'))],
    ['a service goes', START.slice(2)],
    ['endpoints come', [...START, set('c')]],
    ['a service takes the place of another', START.with(4, spec('d'))],
    ['endpoints take the place of others', START.with(0, set('d'))],
    ['endpoints take the place of a specification', START.with(4, set('c'))],
    ['two change places', START.with(3, START[4] ?? spec('')).with(4, START[3] ?? spec(''))],
  ])('puts the parts apart as if it saw them first: %s', (_, next) => {
    const sort = serviceSorter();
    const first = sort(START);
    const before = structuredClone(first);
    const { since, ...sorted } = sort(next);
    expect(sorted).toEqual(serviceSorter()(next));
    expect([...sorted.endpoints.keys()]).toEqual([...serviceSorter()(next).endpoints.keys()]);
    for (const part of next)
      if ('spec' in part) expect(sorted.services).toContain(part.spec);
      else expect(sorted.endpoints.get(part.set.service)).toBe(part.set);
    // What was given out before is somebody's still.
    expect(first).toEqual(before);
    expect(sort(START)).toMatchObject(before);
  });

  it('gives out the same lists where nothing changed in them', () => {
    const sort = serviceSorter();
    const first = sort(START);
    expect(sort([...START]).services).toBe(first.services);
    expect(sort(START.with(0, set('a', 'x'))).services).toBe(first.services);
    expect(sort(START.with(3, spec('b'))).endpoints.size).toBe(first.endpoints.size);
  });

  it('says which services changed, and since when, where nothing came or went', () => {
    const sort = serviceSorter();
    const first = sort(START);
    expect(first.since).toBeUndefined();
    const second = sort(START.with(0, set('a', 'x')).with(4, spec('c')));
    expect([...(second.since?.changed ?? [])].sort()).toEqual(['a', 'c']);
    expect(second.since?.services).toBe(first.services);
    expect(second.since?.endpoints).toBe(first.endpoints);
    for (const other of [START.slice(1), START.with(4, spec('d')), START.with(0, set('d'))]) {
      expect(sort(other).since).toBeUndefined();
      sort(START);
    }
  });
});
