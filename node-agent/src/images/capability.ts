/** A file's capabilities (capabilities(7)), as the kernel keeps them in the attribute `security.capability`. */
export const CAPABILITY_ATTRIBUTE = 'security.capability';

/** Bytes of `struct vfs_cap_data` of revision 2; revision 3 has 4 more, for the user who is root. */
const SIZE = 20;
const SIZE_WITH_ROOT = 24;
/** The highest byte of a little-endian word. */
const REVISION_AT = 3;

/**
 * PURE. As an image has them: whoever is root in the container is meant, and not a user of the machine that made the image.
 *
 * @returns undefined for what is none
 */
export function imageCapability(value: Buffer): Buffer | undefined {
  const revision = value[REVISION_AT];
  if (revision === 2 && value.length === SIZE) return value;
  if (revision !== 3 || value.length !== SIZE_WITH_ROOT) return undefined;
  const plain = Buffer.from(value.subarray(0, SIZE));
  plain[REVISION_AT] = 2;
  return plain;
}
