import { invalid } from '@causeway/shared/errors';
import { type Kind, singular } from '../input/kinds.ts';
import type { Io } from '../io.ts';
import { COLUMNS, NAMES, type ObjectsByKind } from './columns.ts';
import { safe, safeLines } from './safe.ts';
import { type Column, table } from './table.ts';

export const OUTPUTS = ['wide', 'json', 'yaml', 'name'] as const;
export type Output = (typeof OUTPUTS)[number];

/** @throws CausewayError `invalid` for a format that does not exist */
export function parseOutput(text: string): Output {
  const output = OUTPUTS.find((one) => one === text);
  if (output === undefined) throw invalid('output', text, `is none of ${OUTPUTS.join(', ')}`);
  return output;
}

export interface Printed {
  readonly output?: Output | undefined;
  readonly headers?: boolean;
}

/** As `Printed`, with columns of the command's own. */
export interface PrintedList<K extends Kind> extends Printed {
  /** Default: those of the kind. */
  readonly columns?: readonly Column<ObjectsByKind[K]>[];
}

/** Prints a list as a table, or in the machine-readable format that was asked for. */
export async function printList<K extends Kind>(
  io: Io,
  kind: K,
  list: { readonly items: readonly ObjectsByKind[K][]; readonly revision?: number },
  { output, headers = true, columns = COLUMNS[kind] }: PrintedList<K>,
): Promise<void> {
  if (output === 'json' || output === 'yaml') {
    const items = list.items.map((item) => withKind(kind, item));
    return printData(io, { kind: 'List', items, revision: list.revision }, output);
  }
  if (output === 'name') for (const item of list.items) io.out(`${nameOf(kind, item)}\n`);
  else if (list.items.length > 0) io.out(rowsOf(io, columns, list.items, output === 'wide', headers));
}

/** Prints one object; without a format of its own as a table of one row. */
export async function printObject<K extends Kind>(
  io: Io,
  kind: K,
  object: ObjectsByKind[K],
  { output, headers = true }: Printed,
): Promise<void> {
  if (output === 'json' || output === 'yaml') return printData(io, withKind(kind, object), output);
  if (output === 'name') io.out(`${nameOf(kind, object)}\n`);
  else io.out(rowsOf(io, COLUMNS[kind], [object], output === 'wide', headers));
}

/** Any value as JSON or YAML, escaped so that a terminal shows it and obeys none of it. */
export async function printData(io: Io, value: unknown, output: 'json' | 'yaml'): Promise<void> {
  if (output === 'json') return io.out(`${jsonText(value, 2)}\n`);
  const { yamlText } = await import('./yaml.ts');
  io.out(yamlText(value));
}

/** JSON whose strings hold no raw control characters; on one line without `indent`. */
export function jsonText(value: unknown, indent?: number): string {
  // JSON.stringify escapes C0 itself, so what is left to escape is inside strings.
  return safeLines(JSON.stringify(value, null, indent));
}

/** `service/web` */
export function nameOf<K extends Kind>(kind: K, object: ObjectsByKind[K]): string {
  return safe(`${singular(kind)}/${NAMES[kind](object)}`);
}

/** `{kind: "Service", …}`, as `apply` takes it back. */
export function withKind<K extends Kind>(kind: K, object: ObjectsByKind[K]): object {
  const called = singular(kind);
  const manifest = called.charAt(0).toUpperCase() + called.slice(1);
  return { kind: kind === 'policies' ? 'NetworkPolicy' : manifest, ...object };
}

function rowsOf<T>(
  io: Io,
  columns: readonly Column<T>[],
  objects: readonly T[],
  wide: boolean,
  headers: boolean,
): string {
  return table(objects, columns, { wide, colour: io.colour, headers });
}
