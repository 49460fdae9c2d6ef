import { safe } from './safe.ts';

export type Field = readonly [string, string | number | readonly string[] | undefined];

/** `Name:   value`; a list of several values takes a line for each. */
export function fieldsText(fields: readonly Field[]): string {
  const width = Math.max(...fields.map(([label]) => label.length)) + 4;
  return fields
    .flatMap(([label, value]) => {
      const values = (Array.isArray(value) ? value : [value ?? '']).map((one) => safe(String(one)));
      const lines = values.length === 0 ? ['none'] : values;
      return lines.map((line, i) => `${(i === 0 ? `${label}:` : '').padEnd(width)}${line}\n`);
    })
    .join('');
}
