const MAGIC = Buffer.from([0x7f, 0x45, 0x4c, 0x46]);
/** Program header type of the path to a dynamic linker; a static program has none. */
const PT_INTERP = 3;

/** PURE. Whether the file is a program that needs no library: nothing else runs alone in an empty root. */
export function isStaticElf(file: Buffer): boolean {
  if (file.length < 64 || !file.subarray(0, 4).equals(MAGIC)) return false;
  const wide = file[4] === 2;
  const little = file[5] === 1;
  const u16 = (at: number) => (little ? file.readUInt16LE(at) : file.readUInt16BE(at));
  const u32 = (at: number) => (little ? file.readUInt32LE(at) : file.readUInt32BE(at));
  const u64 = (at: number) => Number(little ? file.readBigUInt64LE(at) : file.readBigUInt64BE(at));
  const table = wide ? u64(32) : u32(28);
  const [size, count] = wide ? [u16(54), u16(56)] : [u16(42), u16(44)];
  if (count === 0 || table + size * count > file.length) return false;
  return Array.from({ length: count }, (_, index) => u32(table + index * size)).every(
    (type) => type !== PT_INTERP,
  );
}
