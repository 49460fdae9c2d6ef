import type { Change } from '../client/follow.ts';
import type { Kind } from '../input/kinds.ts';
import type { Io } from '../io.ts';
import { COLUMNS, type ObjectsByKind } from './columns.ts';
import { jsonText, nameOf, type Output, withKind } from './output.ts';
import { type Column, cells } from './table.ts';

const LONGEST_EVENT = 'modified'.length;

export interface ChangePrinter<T> {
  readonly change: (change: Change<T>) => void;
  /** Everything that exists has come. */
  readonly synced: () => void;
}

/**
 * Prints changes as they come: a line each, in JSON one object a line, in YAML a document each.
 * A change that alters nothing that is shown prints nothing.
 */
export async function changePrinter<K extends Kind>(
  io: Io,
  kind: K,
  {
    output,
    headers,
    columns = COLUMNS[kind],
  }: {
    readonly output?: Output;
    readonly headers: boolean;
    readonly columns?: readonly Column<ObjectsByKind[K]>[];
  },
): Promise<ChangePrinter<ObjectsByKind[K]>> {
  const atOnce = (text: (change: Change<ObjectsByKind[K]>) => string) => ({
    change: (change: Change<ObjectsByKind[K]>) => io.out(text(change)),
    synced: () => {},
  });
  if (output === 'json')
    return atOnce(({ type, object }) => `${jsonText({ event: type, object: withKind(kind, object) })}\n`);
  if (output === 'yaml') {
    const { yamlText } = await import('./yaml.ts');
    return atOnce(({ type, object }) => `---\n${yamlText({ event: type, object: withKind(kind, object) })}`);
  }
  if (output === 'name')
    return atOnce(({ type, object }) => `${nameOf(kind, object)}${type === 'deleted' ? ' deleted' : ''}\n`);
  const shown = columns.filter((one) => output === 'wide' || !one.wide);
  return linePrinter(io, kind, shown, headers);
}

/** The first rows are held back until all are there, so that columns are as wide as they need to be. */
function linePrinter<K extends Kind>(
  io: Io,
  kind: K,
  columns: readonly Column<ObjectsByKind[K]>[],
  headers: boolean,
): ChangePrinter<ObjectsByKind[K]> {
  const head = ['EVENT', ...columns.map(({ header }) => header)];
  const widths = head.map((header) => Math.max(header.length, LONGEST_EVENT));
  const shown = new Map<string, string>();
  let held: string[][] | undefined = headers ? [head] : [];
  const widen = (texts: readonly string[]): void =>
    texts.forEach((text, i) => {
      widths[i] = Math.max(widths[i] ?? 0, text.length);
    });
  const print = (texts: readonly string[]): void =>
    io.out(
      `${texts
        .map((text, i) => text.padEnd(widths[i] ?? 0))
        .join('   ')
        .trimEnd()}\n`,
    );
  const change = ({ type, object }: Change<ObjectsByKind[K]>): void => {
    const texts = cells(object, columns);
    const [name, row] = [nameOf(kind, object), texts.join('\t')];
    if (type === 'modified' && shown.get(name) === row) return;
    shown.set(name, row);
    widen([type, ...texts]);
    if (held === undefined) print([type, ...texts]);
    else held.push([type, ...texts]);
  };
  const synced = (): void => {
    for (const texts of held ?? []) print(texts);
    held = undefined;
  };
  return { change, synced };
}
