import { invalid } from '@causeway/shared/errors';

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** @returns bytes of `64M`, `1.5G`, `64MiB`, or of a plain number of bytes */
export function parseBytes(field: string, text: string): number {
  const [, digits, unit = ''] = /^(\d{1,15}(?:\.\d{1,6})?)([kKMGT]?)(?:i?[bB])?$/.exec(text) ?? [];
  const bytes = Number(digits) * (UNITS[unit.toUpperCase()] ?? Number.NaN);
  if (!(bytes <= Number.MAX_SAFE_INTEGER))
    throw invalid(field, text, 'is not an amount of memory such as 64M or 1.5G');
  return Math.floor(bytes);
}

/** The shortest way to say it: `64M`, `1.5G`. */
export function formatBytes(bytes: number): string {
  const [unit = '', size = 1] =
    Object.entries(UNITS)
      .reverse()
      .find(([, one]) => bytes >= one) ?? [];
  return `${Number((bytes / size).toFixed(1))}${unit}`;
}
