import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import { type AskedEndpoint, healthId } from '@causeway/shared/model/health';
import type { HealthCheck, ServiceSpec } from '@causeway/shared/model/service';
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
  /** Whether the service's set has it as unready, so that a good word about it changes something. */
  readonly isUnready: boolean;
}

/**
 * What a host asks of a service: those of its endpoints that the controller has chosen it for.
 *
 * One that was there before this host was told to ask it, or is there when the agent starts, begins as its set has it: a
 * restart of an agent, another asker, or a check that is new, takes nothing out of a service that works. One that came
 * since then, or that nobody has asked yet, has to give a good answer first. Pure.
 *
 * @param last the service's set before; undefined: it had none; `'unknown'`: this is the first in this life
 */
export function questionsFor(
  host: string,
  { name, health }: ServiceSpec,
  now: EndpointSet | undefined,
  last: EndpointSet | undefined | 'unknown',
): readonly Question[] {
  if (health === undefined || now === undefined) return [];
  let before: ReadonlySet<string> | undefined;
  const isNew = (key: string, { unaskedUntil }: Endpoint) => {
    if (unaskedUntil !== undefined) return true;
    if (last === 'unknown') return false;
    before ??= new Set(last?.endpoints.map((one) => idOf(name, one)));
    return !before.has(key);
  };
  return now.endpoints
    .filter(({ checkedBy }) => checkedBy === host)
    .map((endpoint) => {
      const { portName, address, port, container } = endpoint;
      const key = idOf(name, endpoint);
      return {
        ...{ key, endpoint: { service: name, portName, address, port }, check: health },
        ...(container === undefined ? {} : { container }),
        first: isNew(key, endpoint) ? NEW : asItIs(endpoint),
        isUnready: endpoint.state === 'unready',
      };
    });
}

function idOf(service: string, { portName, address, port }: Endpoint): string {
  return healthId({ service, portName, address, port });
}

function asItIs({ state, reason }: Endpoint): Verdict {
  return state === 'unready' ? unready(reason ?? 'it was not ready before') : HEALTHY;
}
