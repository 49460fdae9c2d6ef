import type { Change } from '../client/follow.ts';
import type { Kind } from '../input/kinds.ts';
import type { Io } from '../io.ts';
import { COLUMNS, type ObjectsByKind } from './columns.ts';
import { jsonText, nameOf, type Output, withKind } from './output.ts';
import { type Column, cells } from './table.ts';

/** Columns are as wide as what came so far, at least this; a stream has no end to measure. */
const NARROWEST = 9;

/**
 * Prints changes as they come: a line each, in JSON one object a line, in YAML a document each.
 * A change that alters nothing that is shown prints nothing.
 */
export async function changePrinter<K extends Kind>(
  io: Io,
  kind: K,
  { output, headers }: { readonly output?: Output; readonly headers: boolean },
): Promise<(change: Change<ObjectsByKind[K]>) => void> {
  if (output === 'json')
    return ({ type, object }) => io.out(`${jsonText({ event: type, object: withKind(kind, object) })}\n`);
  if (output === 'yaml') {
    const { yamlText } = await import('./yaml.ts');
    return ({ type, object }) => io.out(`---\n${yamlText({ event: type, object: withKind(kind, object) })}`);
  }
  if (output === 'name')
    return ({ type, object }) => io.out(`${nameOf(kind, object)}${type === 'deleted' ? ' deleted' : ''}\n`);
  return linePrinter(io, kind, output === 'wide', headers);
}

function linePrinter<K extends Kind>(
  io: Io,
  kind: K,
  wide: boolean,
  headers: boolean,
): (change: Change<ObjectsByKind[K]>) => void {
  const columns: readonly Column<ObjectsByKind[K]>[] = COLUMNS[kind].filter((one) => wide || !one.wide);
  const widths: number[] = [];
  const shown = new Map<string, string>();
  const print = (texts: readonly string[]): void => {
    const padded = texts.map((text, i) => {
      widths[i] = Math.max(widths[i] ?? NARROWEST, text.length);
      return text.padEnd(widths[i] ?? 0);
    });
    io.out(`${padded.join('   ').trimEnd()}\n`);
  };
  let first = headers;
  return ({ type, object }) => {
    const texts = cells(object, columns);
    const [name, row] = [nameOf(kind, object), texts.join('\t')];
    if (type === 'modified' && shown.get(name) === row) return;
    shown.set(name, row);
    if (first) print(['EVENT', ...columns.map(({ header }) => header)]);
    first = false;
    print([type, ...texts]);
  };
}
