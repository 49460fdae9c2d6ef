import type { Lab } from '@causeway/lab/lab';
import { output } from './lab.ts';

/** One key as etcd has it. */
export interface EtcdKey {
  readonly key: string;
  readonly value: string;
  /** The lease that it hangs on; `0`: none. */
  readonly lease: string;
}

interface Found {
  readonly kvs?: readonly { readonly key?: string; readonly value?: string; readonly lease?: string }[];
}

interface Answer extends Found {
  readonly header: { readonly revision: string };
  readonly responses?: readonly { readonly response_range: Found }[];
}

/** Writes to a lab's etcd behind everybody's back. */
export async function put(lab: Lab, key: string, value: string): Promise<void> {
  await ask(lab, 'kv/put', { key: base64(key), value: base64(value) });
}

/** Several keys in one transaction: nobody sees one without the other. */
export async function putAll(lab: Lab, pairs: Readonly<Record<string, string>>): Promise<void> {
  const success = Object.entries(pairs).map(([key, value]) => ({
    requestPut: { key: base64(key), value: base64(value) },
  }));
  await ask(lab, 'kv/txn', { success });
}

export async function remove(lab: Lab, key: string): Promise<void> {
  await ask(lab, 'kv/deleterange', { key: base64(key) });
}

/** The key's value; empty when there is none. */
export async function read(lab: Lab, key: string): Promise<string> {
  const { kvs } = await ask(lab, 'kv/range', { key: base64(key) });
  return text(kvs?.[0]?.value);
}

/** All keys below a prefix, sorted. */
export async function list(lab: Lab, prefix: string): Promise<EtcdKey[]> {
  return (await listEach(lab, prefix))[0] ?? [];
}

/** The same of several prefixes, as they were at one moment. */
export async function listEach(lab: Lab, ...prefixes: readonly string[]): Promise<EtcdKey[][]> {
  const success = prefixes.map((prefix) => {
    const end = prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
    return { requestRange: { key: base64(prefix), range_end: base64(end) } };
  });
  const { responses = [] } = await ask(lab, 'kv/txn', { success });
  return responses.map(({ response_range }) =>
    (response_range.kvs ?? []).map(({ key, value, lease }) => ({
      ...{ key: text(key), value: text(value), lease: lease ?? '0' },
    })),
  );
}

/** The revision of etcd: two that are equal have no write between them. */
export async function revision(lab: Lab): Promise<string> {
  return (await ask(lab, 'kv/range', { key: base64('none') })).header.revision;
}

/** Forgets every revision but the present one. */
export async function compact(lab: Lab): Promise<void> {
  await ask(lab, 'kv/compaction', { revision: await revision(lab), physical: true });
}

/** Ends a lease at once, as if its time were over: all keys on it go. */
export async function revoke(lab: Lab, lease: string): Promise<void> {
  await ask(lab, 'lease/revoke', { ID: lease });
}

/** Any member that answers will do. */
async function ask(lab: Lab, call: string, body: object): Promise<Answer> {
  const urls = lab.etcd.split(',').map((url) => `'${url}/v3/${call}'`);
  const script = `for url in ${urls.join(' ')}; do curl -fsSm5 "$url" -d "$1" && exit 0; done; exit 1`;
  return JSON.parse(await output(lab, 'client', 'sh', '-c', script, 'sh', JSON.stringify(body)));
}

function base64(plain: string): string {
  return Buffer.from(plain).toString('base64');
}

function text(encoded = ''): string {
  return Buffer.from(encoded, 'base64').toString();
}
