import { CausewayError, invalid, show } from '@causeway/shared/errors';
import { checkName } from './name.ts';

export const MANIFEST_KINDS = ['Service', 'Container', 'Workload', 'NetworkPolicy'] as const;
export type ManifestKind = (typeof MANIFEST_KINDS)[number];

/** What the API and `get` call each kind. */
export const COLLECTIONS: Readonly<
  Record<ManifestKind, 'services' | 'containers' | 'workloads' | 'policies'>
> = {
  Service: 'services',
  Container: 'containers',
  Workload: 'workloads',
  NetworkPolicy: 'policies',
};

type Fields = Readonly<Record<string, unknown>>;

/** One object that a file asks for. */
export interface Manifest {
  readonly kind: ManifestKind;
  readonly name: string;
  /** What is sent: without `kind` and without the fields that only the controller writes. */
  readonly body: Fields;
  /** `file "web.yaml", document 2 (line 7)` */
  readonly where: string;
}

/** Fields that only the controller writes: what `get -o yaml` prints can be applied as it is. */
const READ_ONLY = new Set(['kind', 'revision', 'status', 'createdAt']);
/** Of a container: `svcctl stop` and `start` write them. */
const CONTAINER_READ_ONLY = new Set(['want', 'generation']);

/** The objects of one document: itself, or those of its `items`, as `get -o yaml` prints lists. */
export function objectsOf(value: unknown, where: string): Manifest[] {
  if (!isMap(value)) throw at(where, `is ${show(value)}, not an object with kind and name`);
  if (value.kind === 'List' && Array.isArray(value.items))
    return value.items.flatMap((item, index) => objectsOf(item, `${where}, items[${index}]`));
  return [manifest(value, where)];
}

function manifest(value: Fields, where: string): Manifest {
  const kind = MANIFEST_KINDS.find((one) => one === value.kind);
  if (kind === undefined) {
    const kinds = 'Service, Container, Workload or NetworkPolicy';
    if (value.kind === undefined) throw at(where, `has no kind: write kind: ${kinds}`);
    throw at(where, invalid('kind', value.kind, `is not ${kinds}`).message);
  }
  if (typeof value.name !== 'string')
    throw at(
      where,
      value.name === undefined ? 'has no name' : invalid('name', value.name, 'is not text').message,
    );
  try {
    checkName('name', value.name);
  } catch (error) {
    throw at(where, (error as Error).message);
  }
  const isWritten = (field: string) =>
    !READ_ONLY.has(field) && !(kind === 'Container' && CONTAINER_READ_ONLY.has(field));
  const entries = Object.entries(value).filter(([field]) => isWritten(field));
  const fields = Object.fromEntries(
    entries.map(([field, one]) => [field, field === 'ports' ? named(one) : one]),
  );
  const body = kind === 'Service' ? withVip(fields, value, where) : fields;
  return { kind, name: value.name, body, where };
}

/** The controller shows VIPs as `vips`, none as an empty list, and takes them as `vip`. */
function withVip(fields: Fields, value: Fields, where: string): Fields {
  const { vips, ...rest } = fields;
  if (vips === undefined) {
    // Controllers that knew one VIP left it out where there was none; for what users write, no VIP means any.
    const none = value.createdAt !== undefined && value.vip === undefined;
    return none ? { ...rest, vip: 'none' } : rest;
  }
  if (rest.vip !== undefined) throw at(where, 'has both vip and vips: one of them is enough');
  return { ...rest, vip: Array.isArray(vips) && vips.length === 0 ? 'none' : vips };
}

/** The controller shows an unnamed port with an empty name, and takes it with none. */
function named(ports: unknown): unknown {
  if (!Array.isArray(ports)) return ports;
  return ports.map((port: unknown) => {
    if (!isMap(port) || port.name !== '') return port;
    const { name: _none, ...rest } = port;
    return rest;
  });
}

/** The error that a sentence about a place in a file is. */
export function at(where: string, sentence: string): CausewayError {
  const joint = /^(is|has) /.test(sentence) ? ' ' : ': ';
  return new CausewayError('invalid', `${where}${joint}${sentence}`, { field: 'file' });
}

function isMap(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
