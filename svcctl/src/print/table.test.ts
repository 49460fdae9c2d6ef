import { expect, it } from 'vitest';
import { type Column, table } from './table.ts';

interface Fruit {
  readonly name: string;
  readonly weight?: number;
}

const columns: readonly Column<Fruit>[] = [
  { header: 'NAME', cell: (fruit) => fruit.name },
  { header: 'COLOUR', cell: () => '' },
  { header: 'WEIGHT', cell: (fruit) => fruit.weight, wide: true },
];
const plain = { wide: false, colour: false, headers: true };

it('aligns columns and leaves no blanks at the ends of lines', () => {
  expect(table([{ name: 'fig' }, { name: 'pineapple' }], columns, plain)).toBe(
    'NAME        COLOUR\nfig         -\npineapple   -\n',
  );
});

it('shows more when wide', () => {
  expect(table([{ name: 'fig', weight: 0 }], columns, { ...plain, wide: true })).toBe(
    'NAME   COLOUR   WEIGHT\nfig    -        0\n',
  );
});

it('colours only the headers, and only when told', () => {
  const [head, row] = table([{ name: 'fig' }], columns, { ...plain, colour: true }).split('\n');
  expect([head, row]).toEqual(['\u001b[1mNAME   COLOUR\u001b[0m', 'fig    -']);
});

it('can leave the headers out', () => {
  expect(table([{ name: 'fig' }], columns, { ...plain, headers: false })).toMatch(/^fig +-\n$/);
});

it('keeps every object on one line', () => {
  const text = table([{ name: 'a\nb\u001b[2J' }], columns, plain);
  expect(text.split('\n')).toHaveLength(3);
  expect(text).toContain('a\\u000ab\\u001b[2J');
});
