import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { Endpoint } from '@causeway/shared/model/endpoint';
import { type EndpointPatch, type ParsedEndpointInput, refOf } from '@causeway/shared/model/endpoint-input';
import type { Drain, EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import { MAX_ENDPOINTS, type ParsedServiceInput } from '@causeway/shared/model/service-input';
import { type ParsedRef, parseEndpointRef } from '../endpoints/ref.ts';
import { checkEndpointRef, namesIn } from '../validate/endpoint-ref.ts';
import { checkPlaces, checkService } from '../validate/service.ts';
import { type Chance, complete, sameService } from './complete.ts';
import { noService, type Planner } from './service-writer.ts';

/** Makes a service; one that exists must be the same already. */
export function planCreate(input: ParsedServiceInput, chance: Chance): Planner {
  const plan = planReplace(input, chance);
  return (before, facts, resolved) => {
    const spec = plan(before, facts, resolved);
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

/**
 * Adds an endpoint. One that is there already gets the weight and the drain that come with it, if any do.
 *
 * @param input as the user typed it; `drain: false` ends a drain
 */
export function planAddEndpoint(name: string, input: ParsedEndpointInput): Planner {
  const ref = refOf(input);
  return (before, facts) => {
    if (before === undefined) throw noService(name);
    const known = before.endpoints.find(({ to }) => to === ref.to);
    if (known !== undefined) {
      const { drain: _ended, ...used } = known;
      const kept = input.drain === false ? used : known;
      return withEndpoints(before, replaced(before.endpoints, { ...kept, ...ref }));
    }
    checkEndpointRef('to', ref.to, before, facts, namesIn(before.endpoints));
    return withEndpoints(before, appended(before, [ref]));
  };
}

/**
 * Changes the weight and the drain of the endpoints that a reference names: as it was typed, or by where they are. One
 * that the selector found becomes a named one by it, since there is no other place to keep what is said of it.
 */
export function planPatchEndpoint(name: string, to: string, patch: EndpointPatch, chance: Chance): Planner {
  return (before, _facts, resolved) => {
    if (before === undefined) throw noService(name);
    const named = refsTo(to, before, resolved);
    if (named.length === 0) throw noEndpoint(before, to);
    const found = before.endpoints.filter((ref) => named.includes(ref.to));
    const isNew = (text: string) => found.every((ref) => ref.to !== text);
    const added = [...new Set(named.filter(isNew))].map((text) => patchedRef({ to: text }, patch, chance));
    const changed = found.map((ref) => patchedRef(ref, patch, chance));
    const endpoints = changed.reduce(replaced, before.endpoints);
    return withEndpoints(before, appended({ ...before, endpoints }, added));
  };
}

/** Takes away a reference as it was typed, or else those that lead to the place that is named. */
export function planRemoveEndpoint(name: string, to: string): Planner {
  return (before, _facts, resolved) => {
    if (before === undefined) throw noService(name);
    const gone = refsTo(to, before, resolved);
    const endpoints = before.endpoints.filter((ref) => !gone.includes(ref.to));
    if (endpoints.length < before.endpoints.length) return { ...before, endpoints };
    if (gone.length === 0) throw noEndpoint(before, to);
    throw new CausewayError(
      'conflict',
      `endpoint ${show(to)} of service "${name}" is one that its selector finds: take a label from it instead`,
      { field: 'to', value: to },
    );
  };
}

function patchedRef(ref: EndpointRef, { weight, drain }: EndpointPatch, chance: Chance): EndpointRef {
  const { drain: drained, ...rest } = ref;
  const after = drain === undefined ? drained : drainOf(drain, chance);
  return {
    ...rest,
    ...(weight === undefined ? {} : { weight }),
    ...(after === undefined ? {} : { drain: after }),
  };
}

function drainOf(drain: NonNullable<EndpointPatch['drain']>, chance: Chance): Drain | undefined {
  if (drain === false) return undefined;
  if (drain === true) return {};
  return { until: new Date(Date.parse(chance.now()) + drain.deadlineSeconds * 1000).toISOString() };
}

function replaced(refs: readonly EndpointRef[], ref: EndpointRef): readonly EndpointRef[] {
  return refs.map((one) => (one.to === ref.to ? ref : one));
}

function appended(before: ServiceSpec, refs: readonly EndpointRef[]): readonly EndpointRef[] {
  const endpoints = [...before.endpoints, ...refs];
  const [first] = refs;
  if (first === undefined) return endpoints;
  if (endpoints.length > MAX_ENDPOINTS)
    throw invalid('to', first.to, `is one endpoint too many: a service has at most ${MAX_ENDPOINTS}`);
  checkPlaces('endpoints', { ...before, endpoints });
  return endpoints;
}

/** @returns the same object when nothing is other than before */
function withEndpoints(before: ServiceSpec, endpoints: readonly EndpointRef[]): ServiceSpec {
  const after = { ...before, endpoints };
  return sameService(before, after) ? before : after;
}

/**
 * The references that a text means: itself, or those to the same container or workload, or the ones behind the endpoints
 * at a place. What leads nowhere is named as well.
 */
function refsTo(to: string, { endpoints }: ServiceSpec, resolved: readonly Endpoint[]): readonly string[] {
  if (endpoints.some((ref) => ref.to === to)) return [to];
  const meant = parseEndpointRef(to);
  if (meant === undefined) return [];
  const isPort = (port: number | undefined) => meant.portText === undefined || meant.port === port;
  const isIt = (ref: ParsedRef | undefined, port: number | undefined) =>
    ref !== undefined && ref.name === meant.name && ref.address === meant.address && isPort(port);
  const named = endpoints.map(({ to: text }) => ({ ref: text, parsed: parseEndpointRef(text) }));
  const behind = resolved.filter(({ address, port, ref }) => {
    const isPlace = meant.address === address && isPort(port);
    return isPlace || isIt(parseEndpointRef(ref), port);
  });
  const found = [...named.filter(({ parsed }) => isIt(parsed, parsed?.port)), ...behind];
  return [...new Set(found.map(({ ref }) => ref))];
}

function noEndpoint(spec: ServiceSpec, to: string): CausewayError {
  const names = spec.endpoints.slice(0, 10).map((ref) => oneLine(ref.to));
  const known = names.length === 0 ? 'it has none' : `it has ${names.join(', ')}`;
  return new CausewayError('not-found', `service "${spec.name}" has no endpoint ${show(to)}; ${known}`, {
    field: 'to',
    value: to,
  });
}

/** What others wrote to etcd may hold anything; a reference is shown without quotes. */
function oneLine(ref: string): string {
  return show(ref).replace(/^"|"$/g, '');
}
