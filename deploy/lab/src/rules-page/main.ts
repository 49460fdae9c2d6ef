import { writeFileSync } from 'node:fs';
import { messageOf } from '@causeway/shared/errors';
import { runExample } from './example.ts';
import { pageOf } from './page.ts';

/** `npm run docs:rules`: writes docs/rules.md anew, from what a lab's kernel holds. */
runExample('rules')
  .then((found) => writeFileSync('docs/rules.md', pageOf(found)))
  .catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
