import { readdir } from 'node:fs/promises';
import { NETNS_DIR } from '../places.ts';

/** Names of the namespaces that are there at this moment. */
export async function netnsNames(): Promise<ReadonlySet<string>> {
  return new Set(await readdir(NETNS_DIR).catch(() => []));
}
