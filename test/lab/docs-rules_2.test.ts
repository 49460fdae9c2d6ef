import { readFileSync } from 'node:fs';
import { runExample } from '@causeway/lab/rules-page/example';
import { pageOf } from '@causeway/lab/rules-page/page';
import { expect, it } from 'vitest';

const PAGE = new URL('../../docs/rules.md', import.meta.url);

it('docs/rules.md shows what a kernel holds for the example', async () => {
  const page = pageOf(await runExample('docs'));
  const told =
    'docs/rules.md is another: `npm run docs:rules` writes it anew, `git diff docs/rules.md` shows why';
  expect(readFileSync(PAGE, 'utf8'), told).toBe(page);
});
