import { safe } from './safe.ts';

export interface Column<T> {
  readonly header: string;
  /** Undefined and the empty string are shown as `-`. */
  readonly cell: (object: T) => string | number | undefined;
  /** Only with `-o wide`. */
  readonly wide?: true;
}

const GAP = '   ';
const BOLD = '\u001b[1m';
const PLAIN = '\u001b[0m';

export interface TableStyle {
  readonly wide: boolean;
  /** Bold headers; never when piped. */
  readonly colour: boolean;
  readonly headers: boolean;
}

/** Aligned columns, one line for each object; every cell on one line and safe for a terminal. */
export function table<T>(objects: readonly T[], columns: readonly Column<T>[], style: TableStyle): string {
  const shown = columns.filter((column) => style.wide || !column.wide);
  const rows = objects.map((object) => cells(object, shown));
  const headers = shown.map(({ header }) => header);
  const widths = shown.map((_, i) => Math.max(...[headers, ...rows].map((row) => widthOf(row[i] ?? ''))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)))
      .join(GAP)
      .trimEnd();
  const body = rows.map((row) => `${line(row)}\n`).join('');
  if (!style.headers) return body;
  const head = line(headers);
  return `${style.colour ? BOLD + head + PLAIN : head}\n${body}`;
}

/** One object's texts, in the order of the columns. */
export function cells<T>(object: T, columns: readonly Column<T>[]): string[] {
  return columns.map((column) => cellText(column.cell(object)));
}

function cellText(value: string | number | undefined): string {
  return value === undefined || value === '' ? '-' : safe(String(value));
}

function widthOf(text: string): number {
  return [...text].length;
}
