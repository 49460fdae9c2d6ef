import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { HealthCheck } from '@causeway/shared/model/service';
import { expect, it } from 'vitest';
import { resolved, serviceSpec } from '../../../test/support/desired-host.ts';
import { questionsFor } from './questions.ts';

const CHECK: HealthCheck = { type: 'tcp', intervalMs: 1_000, timeoutMs: 100, rise: 1, fall: 3 };
const mine: Partial<Endpoint> = { checkedBy: 'host-1' };

/** @param health absent: the service has no check */
function services(endpoints: readonly Endpoint[], health: HealthCheck | undefined = CHECK) {
  const spec = serviceSpec('web', health === undefined ? {} : { health });
  return {
    services: [spec],
    endpoints: new Map([['web', { service: 'web', endpoints, unresolved: [] }]]),
  };
}
const unchecked = (endpoints: readonly Endpoint[]) => ({
  ...services(endpoints),
  services: [serviceSpec('web')],
});

it('are asked of the endpoints that this host was chosen for', () => {
  const all = [
    resolved('10.10.1.2', 80, { ...mine, container: 'web-1' }),
    resolved('10.10.1.3', 80, { checkedBy: 'host-2' }),
    resolved('10.10.1.4', 80),
  ];
  expect(questionsFor('host-1', services(all), undefined)).toMatchObject([
    {
      endpoint: { service: 'web', portName: '', address: '10.10.1.2', port: 80 },
      ...{ container: 'web-1', check: CHECK },
    },
  ]);
  expect(questionsFor('host-1', unchecked(all), undefined)).toEqual([]);
});

const ready = resolved('10.10.1.2', 80, mine);
const failing = { ...ready, state: 'unready', reason: 'its host "host-1" is not alive' } as const;
it.each([
  ['healthy, if it is when the agent starts', [ready], undefined, 'healthy'],
  ['healthy, if another asked before', [ready], services([{ ...ready, checkedBy: 'host-2' }]), 'healthy'],
  ['healthy, if nobody asked before', [ready], unchecked([resolved('10.10.1.2', 80)]), 'healthy'],
  ['healthy, if it drains', [{ ...ready, state: 'draining' as const }], undefined, 'healthy'],
  ['unhealthy, if it is when the agent starts', [failing], undefined, 'unhealthy'],
  ['new, if it was not there', [ready], services([]), 'new'],
  ['new, if its service was not there', [ready], { services: [], endpoints: new Map() }, 'new'],
  ['new, if it was at another port', [ready], services([resolved('10.10.1.2', 81, mine)]), 'new'],
] as const)('begin with an endpoint that is %s', (_, now, last, state) => {
  expect(questionsFor('host-1', services(now), last).map(({ first }) => first.state)).toEqual([state]);
});

it('keep why an endpoint was not ready before', () => {
  const [question] = questionsFor('host-1', services([failing]), undefined);
  expect(question?.first.reason).toBe(failing.reason);
});
