import { createReadStream, readFileSync } from 'node:fs';
import { createImageStore } from '../../node-agent/src/images/store.ts';
import { messageOf } from '../../shared/src/errors.ts';

/**
 * A host's store of images as a program: the tests bundle it and run it inside throw-away namespaces. Reads a script from
 * standard input, prints the answer of each call, an error as a sentence.
 */
export interface ImageScript {
  readonly dir: string;
  readonly calls: readonly ImageCall[];
}

export type ImageCall =
  | { readonly take: string }
  | { readonly pull: string; readonly verifyTls?: boolean }
  | { readonly lowersOf: string }
  | { readonly collect: readonly string[] };

async function main(): Promise<void> {
  const { dir, calls }: ImageScript = JSON.parse(readFileSync(0, 'utf8'));
  const store = createImageStore({ dir });
  const answer = async (call: ImageCall): Promise<unknown> => {
    if ('take' in call) return store.take(createReadStream(call.take));
    if ('pull' in call) return store.pull({ reference: call.pull, verifyTls: call.verifyTls ?? true });
    if ('lowersOf' in call) return (await store.ready({ name: 'x', digest: call.lowersOf })).lowers;
    return store.collect(new Set(call.collect));
  };
  const answers: unknown[] = [];
  for (const call of calls)
    answers.push(await answer(call).catch((error: unknown) => ({ error: messageOf(error) })));
  process.stdout.write(JSON.stringify(answers));
}

void main();
