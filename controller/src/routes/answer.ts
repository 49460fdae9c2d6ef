import type { WriteOptions, Written } from '../allocate/service-writer.ts';
import { etag, parseIfMatch } from '../if-match.ts';
import { networksIn, type ServiceObject, serviceObject } from '../objects/service.ts';
import type { View } from '../view/view.ts';

/** The revision of etcd that a write made: what `--wait` waits for. */
export const REVISION_HEADER = 'x-causeway-revision';

/** Whether a write changed something, where the body is what was written. */
export const CHANGED_HEADER = 'x-causeway-changed';

/** Sets the headers of a written service's answer. @returns its body */
export function answerService(reply: Headers, written: Written, { tables }: View): ServiceObject {
  reply.header('etag', etag(written.revision));
  reply.header(REVISION_HEADER, written.writtenAt);
  if (written.created) reply.header('location', `/v1/services/${written.spec.name}`);
  return serviceObject(written.spec, written.revision, written.endpoints, networksIn(tables));
}

/** What every route that removes something by its name is asked with. */
export interface RemoveRequest<Query extends { readonly dryRun: boolean }> {
  readonly params: { readonly name: string };
  readonly query: Query;
  readonly headers: { readonly 'if-match'?: string | undefined };
}

/** Removes what the path names, by its writer's word. @returns the answer's body */
export async function answerRemoval<Query extends { readonly dryRun: boolean }>(
  { params: { name }, query, headers }: RemoveRequest<Query>,
  reply: Headers,
  remove: (name: string, options: Query & WriteOptions) => Promise<{ readonly revision: number }>,
): Promise<{ readonly name: string; readonly revision: number }> {
  const { revision } = await remove(name, { ...query, ifMatch: parseIfMatch(headers['if-match']) });
  reply.header(REVISION_HEADER, revision);
  return { name, revision };
}

/** As much of a reply as is needed here; the whole type depends on each route's schema. */
export interface Headers {
  header(name: string, value: string | number): unknown;
}
