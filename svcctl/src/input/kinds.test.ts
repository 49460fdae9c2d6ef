import { expect, it } from 'vitest';
import { CALLED, KINDS, parseSubject } from './kinds.ts';

it('knows every kind by singular, plural and short form', () => {
  for (const kind of KINDS)
    for (const called of CALLED[kind]) expect(parseSubject(called, undefined)).toEqual({ kind });
  expect(parseSubject('SVC', 'web')).toEqual({ kind: 'services', name: 'web' });
});

it('takes type and name in one word, as -o name prints them', () => {
  expect(parseSubject('service/web', undefined)).toEqual({ kind: 'services', name: 'web' });
  expect(parseSubject('subnet/10.10.1.0/24', undefined)).toEqual({ kind: 'subnets', name: '10.10.1.0/24' });
});

it('refuses what it does not know, and two names', () => {
  expect(() => parseSubject('pods', undefined)).toThrow('type "pods" is none of nodes, subnets, services');
  expect(() => parseSubject('svc/a', 'b')).toThrow('name "b" comes after svc/a, which names one already');
  expect(() => parseSubject('subnets', undefined, ['nodes'])).toThrow('type "subnets" is none of nodes');
});
