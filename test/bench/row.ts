/** One measured figure beside its reference, both from the same run. */
export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly value: number;
  /** What it is compared with; its name is in `name`. */
  readonly reference: number;
  /** value / reference */
  readonly ratio: number;
  /** The bar: `<= 150` speaks of the value, `<= 1.5 x` of the ratio; `none` for a figure that is only shown. */
  readonly limit: string;
  readonly holds: boolean;
}

/** @param limit `<= 150`, `>= 10`, or with ` x` at the end when the ratio is meant; `none` always holds */
export function rowOf(name: string, unit: string, value: number, reference: number, limit: string): Row {
  const ratio = value / reference;
  const figures = {
    name,
    unit,
    value: round(value),
    reference: round(reference),
    ratio: round(ratio),
    limit,
  };
  if (limit === 'none') return { ...figures, holds: true };
  const [, sign, bar, relative] = /^(<=|>=) ([\d.]+)( x)?$/.exec(limit) ?? [];
  if (sign === undefined) throw new Error(`the limit ${JSON.stringify(limit)} is no bar like "<= 1.5 x"`);
  const judged = relative === undefined ? value : ratio;
  const holds = sign === '<=' ? judged <= Number(bar) : judged >= Number(bar);
  return { ...figures, holds };
}

/** The middle one of all; of an even number, the upper middle one. */
export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** @param share the least value that at least so much of all is not above: 0.99 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** A table for people: one line for each row. */
export function tableOf(rows: readonly Row[]): string {
  const head = ['figure', 'unit', 'value', 'reference', 'ratio', 'limit', 'holds'];
  const lines = rows.map((row) => [
    ...[row.name, row.unit, `${row.value}`, `${row.reference}`, `${row.ratio}`, row.limit],
    row.holds ? '✓' : '✗',
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => (line[i] ?? '').length)));
  return [head, ...lines]
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function round(value: number): number {
  return Number(value.toPrecision(4));
}
