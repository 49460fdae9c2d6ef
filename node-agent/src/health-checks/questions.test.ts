import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { HealthCheck } from '@causeway/shared/model/service';
import { expect, it } from 'vitest';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import { questionsFor } from './questions.ts';

const CHECK: HealthCheck = { type: 'tcp', intervalMs: 1_000, timeoutMs: 100, rise: 1, fall: 3 };
const mine: Partial<Endpoint> = { checkedBy: 'host-1' };
const set = (endpoints: readonly Endpoint[]): EndpointSet => ({ service: 'web', endpoints, unresolved: [] });

/** @param last absent: the agent has just started */
function questions(
  now: readonly Endpoint[],
  last: EndpointSet | undefined | 'unknown' = 'unknown',
  health: HealthCheck | undefined = CHECK,
) {
  return questionsFor('host-1', serviceSpec('web', { health }), set(now), last);
}

it('are asked of the endpoints that this host was chosen for', () => {
  const all = [
    resolved('10.10.1.2', 80, { ...mine, container: 'web-1' }),
    resolved('10.10.1.3', 80, { checkedBy: 'host-2' }),
    resolved('10.10.1.4', 80),
  ];
  expect(questions(all)).toMatchObject([
    {
      endpoint: { service: 'web', portName: '', address: '10.10.1.2', port: 80 },
      ...{ container: 'web-1', check: CHECK, isUnready: false },
    },
  ]);
  expect(questionsFor('host-1', serviceSpec('web'), set(all), 'unknown')).toEqual([]);
  expect(questionsFor('host-1', serviceSpec('web', { health: CHECK }), undefined, 'unknown')).toEqual([]);
});

const ready = resolved('10.10.1.2', 80, mine);
const failing = { ...ready, state: 'unready', reason: 'its host "host-1" is not alive' } as const;
const unasked = { ...failing, unaskedUntil: '2026-01-01T00:00:30.000Z' };
it.each([
  ['healthy, if it is when the agent starts', ready, 'unknown', 'healthy'],
  ['healthy, if another asked before', ready, set([{ ...ready, checkedBy: 'host-2' }]), 'healthy'],
  ['healthy, if nobody asked before', ready, set([resolved('10.10.1.2', 80)]), 'healthy'],
  ['healthy, if it drains', { ...ready, state: 'draining' as const }, 'unknown', 'healthy'],
  ['unhealthy, if it is when the agent starts', failing, 'unknown', 'unhealthy'],
  ['new, if it was not there', ready, set([]), 'new'],
  ['new, if its service was not there', ready, undefined, 'new'],
  ['new, if it was at another port', ready, set([resolved('10.10.1.2', 81, mine)]), 'new'],
  ['new, if nobody has asked it yet', unasked, 'unknown', 'new'],
] as const)('begin with an endpoint that is %s', (_, now, last, state) => {
  // Undefined would be the default.
  const [question] = questionsFor('host-1', serviceSpec('web', { health: CHECK }), set([now]), last);
  expect(question?.first.state).toBe(state);
});

it('keep why an endpoint was not ready before', () => {
  const [question] = questions([failing]);
  expect(question).toMatchObject({ first: { reason: failing.reason }, isUnready: true });
});

it('look through the set before once, however many endpoints have come', () => {
  let looks = 0;
  const last: EndpointSet = {
    ...set([]),
    get endpoints() {
      looks += 1;
      return [ready];
    },
  };
  const all = Array.from({ length: 500 }, (_, i) => resolved('10.10.1.2', 80 + i, mine));
  expect(questions(all, last).filter(({ first }) => first.state === 'new')).toHaveLength(499);
  expect(looks).toBe(1);
});
