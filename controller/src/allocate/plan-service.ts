import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { MAX_ENDPOINTS, type ParsedServiceInput } from '@causeway/shared/model/service-input';
import { checkEndpointRef } from '../validate/endpoint-ref.ts';
import { checkService } from '../validate/service.ts';
import { type Chance, complete, sameService } from './complete.ts';
import { noService, type Planner } from './service-writer.ts';

/** Makes a service; one that exists must be the same already. */
export function planCreate(input: ParsedServiceInput, chance: Chance): Planner {
  const plan = planReplace(input, chance);
  return (before, facts) => {
    const spec = plan(before, facts);
    if (before === undefined || spec === before) return spec;
    throw new CausewayError(
      'conflict',
      `name "${before.name}" exists with another definition; \`svcctl apply\` (PUT) replaces it, or choose another name`,
      { field: 'name', value: before.name },
    );
  };
}

/** Makes a service or replaces it; what was allocated stays where the input says `auto`. */
export function planReplace(input: ParsedServiceInput, chance: Chance): Planner {
  return (before, facts) => {
    const spec = complete(checkService(input, facts, before), before, facts, chance);
    return before !== undefined && sameService(spec, before) ? before : spec;
  };
}

export function planAddEndpoint(name: string, to: string): Planner {
  return (before, facts) => {
    if (before === undefined) throw noService(name);
    if (before.endpoints.includes(to)) return before;
    checkEndpointRef('to', to, before, facts);
    if (before.endpoints.length >= MAX_ENDPOINTS) {
      throw invalid('to', to, `is one endpoint too many: a service has at most ${MAX_ENDPOINTS}`);
    }
    return { ...before, endpoints: [...before.endpoints, to] };
  };
}

/**
 * Takes away a reference as it was typed, or else those that lead to the place that is named.
 *
 * @param resolved the service's endpoints as they are
 */
export function planRemoveEndpoint(name: string, to: string, resolved: readonly Endpoint[]): Planner {
  return (before) => {
    if (before === undefined) throw noService(name);
    const gone = before.endpoints.includes(to) ? [to] : refsTo(to, resolved);
    const endpoints = before.endpoints.filter((ref) => !gone.includes(ref));
    if (endpoints.length < before.endpoints.length) return { ...before, endpoints };
    throw new CausewayError('not-found', `service "${name}" has no endpoint ${show(to)}; ${known(before)}`, {
      field: 'to',
      value: to,
    });
  };
}

function refsTo(to: string, resolved: readonly Endpoint[]): readonly string[] {
  return resolved
    .filter(({ address, port, container }) => [address, `${address}:${port}`, container].includes(to))
    .map((endpoint) => endpoint.ref);
}

function known(spec: ServiceSpec): string {
  return spec.endpoints.length === 0
    ? 'it has none'
    : `it has ${spec.endpoints.slice(0, 10).map(oneLine).join(', ')}`;
}

/** What others wrote to etcd may hold anything; a reference is shown without quotes. */
function oneLine(ref: string): string {
  return show(ref).replace(/^"|"$/g, '');
}
