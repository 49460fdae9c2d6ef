/** A tar is made of blocks of so many bytes. */
export const BLOCK = 512;

/** PURE. The zeros behind a content, up to a whole block. */
export function padding(size: number): Buffer {
  return Buffer.alloc(padded(size) - size);
}

/** PURE. Bytes of the blocks that a content fills. */
export function padded(size: number): number {
  return Math.ceil(size / BLOCK) * BLOCK;
}
