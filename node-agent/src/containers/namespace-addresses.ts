import { readdir } from 'node:fs/promises';
import { messageOf } from '@causeway/shared/errors';
import { canonicalIp } from '@causeway/shared/net/block';
import { run } from '@causeway/shared/programs/run';
import { z } from 'zod';
import { AT_ONCE, mapLimited } from './limited.ts';
import { NETNS_DIR, nameOfAttached, nameOfNetns } from './places.ts';

export interface NamespaceAddresses {
  /** The container's. */
  readonly name: string;
  /** Of both families, in their canonical form, without those that mean one link or the container itself. */
  readonly addresses: readonly string[];
}

/** What the kernel has in the namespaces of this host's containers, ours and those of others. One that goes is left out. */
export async function namespaceAddresses(): Promise<readonly NamespaceAddresses[]> {
  const files = await readdir(NETNS_DIR).catch(() => []);
  const named = files.flatMap((file) => {
    const name = nameOfNetns(file) ?? nameOfAttached(file);
    return name === undefined ? [] : [{ name, file }];
  });
  const found: NamespaceAddresses[] = [];
  await mapLimited(named, AT_ONCE, async ({ name, file }) => {
    const listing = await list(file);
    if (listing !== undefined) found.push({ name, addresses: addressesIn(listing) });
  });
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function list(file: string): Promise<string | undefined> {
  try {
    return (await run('ip', ['-n', file, '-j', 'addr', 'show'], { doing: `looking into namespace ${file}` }))
      .stdout;
  } catch (error) {
    // Its name is there before the namespace, and goes after it.
    if (/setting the network namespace|Cannot open network namespace|Invalid argument/.test(messageOf(error)))
      return undefined;
    throw error;
  }
}

const listingSchema = z.array(
  z.object({ addr_info: z.array(z.object({ local: z.string(), scope: z.string() })).optional() }),
);

/** PURE. @param listing as `ip -j addr show` prints it */
export function addressesIn(listing: string): readonly string[] {
  const links = listingSchema.parse(JSON.parse(listing === '' ? '[]' : listing));
  return links
    .flatMap(({ addr_info = [] }) => addr_info)
    .filter(({ scope }) => scope === 'global')
    .map(({ local }) => canonicalIp(local) ?? local)
    .sort();
}
