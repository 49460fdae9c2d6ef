import type { Client } from './client/client.ts';
import type { Context, WriteOptions } from './context.ts';
import { type Kind, singular } from './input/kinds.ts';
import { safe } from './print/safe.ts';

/**
 * Deletes one object and says so. @returns the revision of the write
 * @throws CausewayError `not-found` when there is none of that name
 */
export async function removeObject(
  context: Context,
  client: Client,
  kind: Kind,
  name: string,
  { dryRun, output }: WriteOptions,
): Promise<number> {
  const query = dryRun ? { dryRun: 'true' } : {};
  const answer = await client.ask('DELETE', `/v1/${kind}/${encodeURIComponent(name)}`, { query });
  const subject = safe(`${singular(kind)}/${name}`);
  context.io.out(output === 'name' ? `${subject}\n` : `${subject} deleted${dryRun ? ' (dry run)' : ''}\n`);
  return answer.revision;
}
