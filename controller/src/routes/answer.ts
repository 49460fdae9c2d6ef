import type { Written } from '../allocate/service-writer.ts';
import { etag } from '../if-match.ts';
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

/** As much of a reply as is needed here; the whole type depends on each route's schema. */
export interface Headers {
  header(name: string, value: string | number): unknown;
}
