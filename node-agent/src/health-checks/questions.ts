import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type AskedEndpoint, healthId } from '@causeway/shared/model/health';
import type { HealthCheck } from '@causeway/shared/model/service';
import type { Snapshot } from '@causeway/shared/model/snapshot';
import { HEALTHY, NEW, unready, type Verdict } from './verdict.ts';

/** An endpoint that this host asks for its health, and how. */
export interface Question {
  /** The endpoint's `healthId`. */
  readonly key: string;
  readonly endpoint: AskedEndpoint;
  /** Where a command is run; absent: it runs in no container of ours. */
  readonly container?: string;
  readonly check: HealthCheck;
  /** What is thought of it before it was asked. */
  readonly first: Verdict;
}

type Services = Pick<Snapshot, 'services' | 'endpoints'>;

/**
 * Which endpoints a host asks: those that the controller has chosen it for.
 *
 * One that was there before this host was told to ask it, or is there when the agent starts, begins as its set has it: a
 * restart of an agent, another asker, or a check that is new, takes nothing out of a service that works. One that came
 * since then, or that nobody has asked yet, has to give a good answer first. Pure.
 *
 * @param last the snapshot before; undefined: this is the first in this life
 */
export function questionsFor(host: string, now: Services, last: Services | undefined): readonly Question[] {
  const questions: Question[] = [];
  for (const { name, health } of now.services) {
    if (health === undefined) continue;
    for (const endpoint of now.endpoints.get(name)?.endpoints ?? []) {
      if (endpoint.checkedBy !== host) continue;
      const { portName, address, port, container } = endpoint;
      questions.push({
        key: keyOf(name, endpoint),
        endpoint: { service: name, portName, address, port },
        ...(container === undefined ? {} : { container }),
        check: health,
        first: isNew(endpoint, name, last) ? NEW : asItIs(endpoint),
      });
    }
  }
  return questions;
}

function isNew(endpoint: Endpoint, service: string, last: Services | undefined): boolean {
  if (endpoint.unaskedUntil !== undefined) return true;
  return last !== undefined && !wasThere(last, service, endpoint);
}

function keyOf(service: string, { portName, address, port }: Endpoint): string {
  return healthId({ service, portName, address, port });
}

function wasThere({ endpoints }: Services, service: string, endpoint: Endpoint): boolean {
  const key = keyOf(service, endpoint);
  return endpoints.get(service)?.endpoints.some((one) => keyOf(service, one) === key) ?? false;
}

function asItIs({ state, reason }: Endpoint): Verdict {
  return state === 'unready' ? unready(reason ?? 'it was not ready before') : HEALTHY;
}
