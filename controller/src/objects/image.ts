import { BUILT_IN_IMAGE, type ImageRecord } from '@causeway/shared/model/image';
import { z } from 'zod';
import type { Stored, Tables } from '../view/tables.ts';
import { revision } from './schemas.ts';

export const imageSchema = z
  .object({
    name: z.string(),
    digest: z
      .string()
      .optional()
      .describe('Of the manifest. Absent with the built-in image: each host has its own.'),
    size: z.int().optional().describe('Of all its blobs as they are carried, bytes.'),
    createdAt: z.string().optional().describe('When the name was given to it.'),
    hosts: z.array(z.string()).readonly().describe('Hosts that are alive and hold all of it.'),
    revision,
  })
  .meta({ id: 'Image' });

export type ImageObject = z.output<typeof imageSchema>;

/** Every image of the cluster, by name; the built-in one is among them. */
export function imageObjects({ image, imageHolder, alive }: Tables): readonly ImageObject[] {
  const holders = new Map<string, string[]>();
  for (const [node, { value }] of imageHolder)
    for (const digest of value.digests) holders.set(digest, [...(holders.get(digest) ?? []), node]);
  const builtIn = { name: BUILT_IN_IMAGE, hosts: [...alive.keys()].sort(), revision: 0 };
  return [
    builtIn,
    ...[...image.values()].map((row) => imageObject(row, holders.get(row.value.digest) ?? [])),
  ].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function imageObject(
  { value, revision: at }: Stored<ImageRecord>,
  hosts: readonly string[],
): ImageObject {
  return { ...value, hosts: [...hosts].sort(), revision: at };
}
