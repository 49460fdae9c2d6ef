import { rangeEnd, toKeyValue, type WireKeyValue } from './etcd-wire.ts';
import type { KeyValue, Listing } from './store.ts';

/** etcd's range request and its answer, as far as we use them. */
export interface Page {
  readonly key: Buffer;
  readonly range_end: Buffer;
  readonly limit: number;
  /** Absent: the newest. */
  readonly revision?: string;
}

export interface PageReply {
  readonly header: { readonly revision: string };
  readonly kvs: readonly WireKeyValue[];
  readonly more: boolean;
}

/** Keys of one answer. What an answer brings is held several times while it is taken apart: ten thousand at once show. */
const PAGE_KEYS = 2_000;

/** Lists a prefix, page by page, all of them of the first one's revision. Rejects as `range` does. */
export async function listPages(range: (page: Page) => Promise<PageReply>, prefix: string): Promise<Listing> {
  const items: KeyValue[] = [];
  const page = { key: Buffer.from(prefix), range_end: rangeEnd(prefix), limit: PAGE_KEYS };
  let reply = await range(page);
  const { revision } = reply.header;
  for (;;) {
    for (const kv of reply.kvs) items.push(toKeyValue(kv));
    const last = reply.kvs.at(-1);
    if (!reply.more || last === undefined) return { items, revision: Number(revision) };
    // The first key that can come after it.
    reply = await range({ ...page, key: Buffer.concat([last.key, Buffer.from([0])]), revision });
  }
}
