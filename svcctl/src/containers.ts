import type { NodeView } from './api.ts';
import type { Client } from './client/client.ts';
import { type Context, DEFAULT_TIMEOUT_MS, type WriteOptions } from './context.ts';
import { parseSubject } from './input/kinds.ts';
import { checkName } from './input/name.ts';
import type { Patience } from './wait-objects.ts';

/** What is asked of a host whose agent is away happens later: says so for each of these. */
export async function noteDeadHosts(
  context: Context,
  client: Client,
  hosts: readonly string[],
): Promise<void> {
  // What was asked is done: that nobody can say more about it is no failure.
  const nodes = await client.list<NodeView>('/v1/nodes').catch(() => undefined);
  for (const host of new Set(hosts))
    if (nodes?.items.some(({ name, alive }) => name === host && !alive))
      context.note(`host ${host} is not alive: this happens there when its agent is back`);
}

/** A container's name, also as `container/web-1`. @throws CausewayError `invalid` */
export function containerName(text: string): string {
  const name = text.includes('/') ? (parseSubject(text, undefined, ['containers']).name ?? '') : text;
  return checkName('name', name);
}

export function patienceOf(context: Context, { timeout }: WriteOptions): Patience {
  return { timeoutMs: timeout ?? DEFAULT_TIMEOUT_MS, onNote: (sentence) => context.note(sentence) };
}
