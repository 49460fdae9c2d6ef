import { isDeepStrictEqual } from 'node:util';
import { parseNetworkText } from '@causeway/shared/container-text';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { Client } from '../client/client.ts';
import { CREATION_MS } from '../containers.ts';
import {
  type Context,
  DEFAULT_TIMEOUT_MS,
  dryRunOption,
  type WriteOptions,
  waitOptions,
} from '../context.ts';
import { singular } from '../input/kinds.ts';
import { readManifests } from '../input/manifest.ts';
import { at, COLLECTIONS, type Manifest, type ManifestKind } from '../input/manifest-object.ts';
import { safe } from '../print/safe.ts';
import { STEADY_MS, waitForContainers } from '../wait-containers.ts';
import { type Target, waitForTargets } from '../wait-objects.ts';

export interface ApplyOptions extends WriteOptions {
  readonly filename: string;
}

type Verb = 'created' | 'configured' | 'unchanged';

export function addApply(context: Context): void {
  const [wait, timeout] = waitOptions();
  context
    .command(context.program, 'apply', 'Create or change the objects of a file, all or none of them', [
      'svcctl apply -f web.yaml --wait',
      'svcctl get service web -o yaml | svcctl apply -f -',
      "printf 'kind: Service\\nname: web\\nvip: 2.2.2.2\\nports: [{port: 88}]\\n' | svcctl apply -f -",
    ])
    .requiredOption('-f, --filename <file>', 'YAML of one or more documents, or .json; - is stdin')
    .addOption(wait)
    .addOption(timeout)
    .addOption(dryRunOption())
    .addHelpText('after', '\nEvery object is checked by the controller before the first one is written.')
    .action((options: ApplyOptions) => applyFile(context, options));
}

/** @param only the kind that the file may hold nothing but; absent: any */
export async function applyFile(context: Context, options: ApplyOptions, only?: ManifestKind): Promise<void> {
  const manifests = inOrder(await readManifests(context.io, options.filename));
  const other = only && manifests.find(({ kind }) => kind !== only);
  if (other !== undefined) throw at(other.where, `is a ${other.kind}, not a ${only}: use svcctl apply`);
  const client = context.client();
  const verbs = await rehearse(context, client, manifests);
  if (options.dryRun) {
    for (const [index, manifest] of manifests.entries())
      context.io.out(`${safe(subjectOf(manifest))} ${verbs[index] ?? ''} (dry run)\n`);
    return;
  }
  const newest = await writeAll(context, client, manifests, { ...options, verbs });
  if (newest > 0) await context.settle(client, newest, options);
}

/**
 * Asks the controller about every object, and changes nothing. @returns what would become of each
 * @throws CausewayError of the last that is refused; those before it are told
 */
async function rehearse(context: Context, client: Client, manifests: readonly Manifest[]): Promise<Verb[]> {
  const verbs: Verb[] = [];
  const faults: CausewayError[] = [];
  const coming = new Set<string>();
  for (const manifest of manifests)
    try {
      const { verb } = await write(client, manifest, { dryRun: true, coming });
      if (isNamed(manifest) && verb === 'created') coming.add(manifest.name);
      verbs.push(verb);
    } catch (error) {
      faults.push(faultOf(manifest, error));
    }
  const last = faults.pop();
  for (const fault of faults) context.note(fault.message);
  if (last !== undefined) throw last;
  // Each may be right, and all of them too much.
  await writePolicies(client, policiesIn(manifests), { dryRun: 'true' });
  return verbs;
}

function policiesIn(manifests: readonly Manifest[]): readonly Manifest[] {
  return manifests.filter(({ kind }) => kind === 'NetworkPolicy');
}

/** In one request, which the controller carries out as a whole or not at all. @returns etcd's revision, 0 for none */
async function writePolicies(
  client: Client,
  policies: readonly Manifest[],
  query: Readonly<Record<string, string>> = {},
): Promise<number> {
  if (policies.length === 0) return 0;
  const body = { items: policies.map((policy) => policy.body) };
  try {
    return (await client.ask('PATCH', `/v1/${COLLECTIONS.NetworkPolicy}`, { query, body })).revision;
  } catch (error) {
    const field = error instanceof CausewayError ? error.field : undefined;
    const culprit = policies[Number(/^items\[(\d+)\]/.exec(field ?? '')?.[1] ?? Number.NaN)];
    throw culprit === undefined ? error : faultOf(culprit, error);
  }
}

/**
 * Policies first, so that no container is ever without them, then containers and workloads: services may point to them.
 * With `--wait` each step is done before the next.
 * @returns the newest revision below services that the file needs, 0 for none
 */
async function writeAll(
  context: Context,
  client: Client,
  manifests: readonly Manifest[],
  options: WriteOptions & { readonly verbs: readonly Verb[] },
): Promise<number> {
  const policies = policiesIn(manifests);
  const first = manifests.filter(isNamed);
  const services = manifests.filter(({ kind }) => kind === 'Service');
  const ruled = await writePolicies(client, policies).catch((error: unknown) => {
    for (const later of [...first, ...services]) context.note(`${subjectOf(later)} was not applied`);
    throw error;
  });
  // They stand in front of all others, and so do their verbs.
  for (const [i, policy] of policies.entries())
    context.io.out(`${safe(subjectOf(policy))} ${options.verbs[i] ?? ''}\n`);
  if (ruled > 0) await context.settle(client, ruled, options, 'policies');
  await writeEach(context, client, first, services);
  if (!options.wait) {
    await writeEach(context, client, services, []);
    return 0;
  }
  const patience = {
    timeoutMs: options.timeout ?? DEFAULT_TIMEOUT_MS,
    onNote: (sentence: string) => context.note(sentence),
  };
  const containers = new Set(first.flatMap(({ kind, name }) => (kind === 'Container' ? [name] : [])));
  if (containers.size > 0) await waitForContainers(client, containers, { ...patience, steadyMs: STEADY_MS });
  const names = new Set(first.map(({ name }) => name));
  const newest = await writeEach(context, client, services, []);
  return Math.max(newest, await waitForTargets(client, targetsIn(services, names), patience));
}

/** @param later those that are told to be left out when one before them fails @returns the newest revision */
async function writeEach(
  context: Context,
  client: Client,
  manifests: readonly Manifest[],
  later: readonly Manifest[],
): Promise<number> {
  let newest = 0;
  for (const [index, manifest] of manifests.entries()) {
    const written = await write(client, manifest, { dryRun: false }).catch((error: unknown) => {
      for (const other of [...manifests.slice(index + 1), ...later])
        context.note(`${subjectOf(other)} was not applied`);
      throw faultOf(manifest, error);
    });
    context.io.out(`${safe(subjectOf(manifest))} ${written.verb}\n`);
    newest = Math.max(newest, written.revision);
  }
  return newest;
}

/** The services' targets in these containers and workloads. */
function targetsIn(services: readonly Manifest[], names: ReadonlySet<string>): Target[] {
  return services.flatMap(({ name, body }) =>
    (Array.isArray(body.endpoints) ? body.endpoints.map(refOf) : [])
      .map(nameIn)
      .filter((target) => names.has(target))
      .map((target) => ({ service: name, name: target })),
  );
}

/** An endpoint is a text, or an object with one as `to`. */
function refOf(endpoint: unknown): string {
  return String(
    typeof endpoint === 'object' && endpoint !== null && 'to' in endpoint ? endpoint.to : endpoint,
  );
}

/** `web-1:12345` → `web-1` */
function nameIn(ref: string): string {
  return ref.split(':')[0] ?? '';
}

interface Writing {
  readonly dryRun: boolean;
  /** Containers and workloads that the same file creates: a dry run does not know them. */
  readonly coming?: ReadonlySet<string>;
}

/** Services and workloads are put in place of what is there; a container cannot change, it is only created. */
async function write(
  client: Client,
  { kind, name, body }: Manifest,
  { dryRun, coming = new Set() }: Writing,
): Promise<{ verb: Verb; revision: number }> {
  const collection = `/v1/${COLLECTIONS[kind]}`;
  const path = `${collection}/${encodeURIComponent(name)}`;
  const before = await client.ask<object>('GET', path, { accept: [404] });
  const ask = { query: dryRun ? { dryRun: 'true' } : {}, body: without(body, coming) };
  const { body: after, revision } = await (kind === 'Container'
    ? client.ask<object>('POST', collection, { ...ask, silenceMs: CREATION_MS })
    : client.ask<object>('PUT', path, ask));
  if (before.status === 404) return { verb: 'created', revision };
  const isSame = ask.body === body && isDeepStrictEqual(definition(before.body), definition(after));
  return { verb: isSame ? 'unchanged' : 'configured', revision };
}

/** The body itself, unless some of its endpoints, or its network, name what is still to come. */
function without(body: Manifest['body'], coming: ReadonlySet<string>): Manifest['body'] {
  const { endpoints, network, ...rest } = body;
  if (coming.has(joinedBy(body) ?? '')) return { ...rest, network: 'none' };
  if (!Array.isArray(endpoints)) return body;
  const known = endpoints.filter((one: unknown) => !coming.has(nameIn(refOf(one))));
  return known.length === endpoints.length ? body : { ...body, endpoints: known };
}

/** What a file's objects wait for: policies for nothing, services for all, who joins a network for who has it. */
function inOrder(manifests: readonly Manifest[]): Manifest[] {
  const rank = ({ kind, body }: Manifest): number =>
    kind === 'NetworkPolicy' ? 0 : kind === 'Service' ? 3 : joinedBy(body) === undefined ? 1 : 2;
  return [...manifests].sort((a, b) => rank(a) - rank(b));
}

/** The container whose network a container joins. */
function joinedBy({ network }: Manifest['body']): string | undefined {
  const mode = typeof network === 'string' ? parseNetworkText(network) : network;
  if (typeof mode !== 'object' || mode === null || !('container' in mode)) return undefined;
  return typeof mode.container === 'string' ? mode.container : undefined;
}

/** Whether services can name it. */
function isNamed({ kind }: Manifest): boolean {
  return kind === 'Container' || kind === 'Workload';
}

/** The part of an object that users write. */
function definition(object: object): object {
  const { revision: _revision, status: _status, ...rest } = object as Record<string, unknown>;
  return rest;
}

function subjectOf({ kind, name }: Manifest): string {
  return `${singular(COLLECTIONS[kind])}/${name}`;
}

/** Puts the place in the file before the controller's sentence, and keeps its code. */
function faultOf(manifest: Manifest, error: unknown): CausewayError {
  const code = error instanceof CausewayError ? error.code : 'internal';
  return new CausewayError(code, `${manifest.where}: ${messageOf(error)}`, { cause: error });
}
