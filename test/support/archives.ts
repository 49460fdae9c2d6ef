import { gzipSync } from 'node:zlib';
import { type Header, pack } from 'tar-stream';
import { chainIds, sha256 } from '../../shared/src/model/oci-image.ts';

/** An entry of an archive: a name, what it is, and its text. */
export type Part = Partial<Header> & { readonly name: string; readonly text?: string };

/** A tar with exactly these entries, whatever they are. */
export async function tarOf(...parts: readonly Part[]): Promise<Buffer> {
  const packer = pack();
  for (const { text, ...header } of parts)
    packer.entry({ mode: 0o644, mtime: new Date(1_000_000_000_000), ...header }, text ?? '');
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

export const folder = (name: string, mode = 0o755): Part => ({ name, type: 'directory', mode });
export const file = (name: string, text: string, mode = 0o644): Part => ({ name, text, mode });
export const link = (name: string, linkname: string): Part => ({ name, type: 'symlink', linkname });
export const hardLink = (name: string, linkname: string): Part => ({ name, type: 'link', linkname });

/** A tar of a file with capabilities, as GNU tar and Docker write them: in a header of their own before it. */
export async function capableFile(value: Buffer, part: Part): Promise<Buffer> {
  const record = (length: number) =>
    Buffer.concat([Buffer.from(`${length} SCHILY.xattr.security.capability=`), value, Buffer.from('\n')]);
  const content = record(record(10).length);
  const before = (await tarOf(file('PaxHeaders/x', 'x'.repeat(content.length)))).subarray(0, 1_024);
  content.copy(before, 512);
  before.write('x', 156);
  before.write(' '.repeat(8), 148);
  const sum = before.subarray(0, 512).reduce((all, byte) => all + byte, 0);
  before.write(sum.toString(8).padStart(6, '0'), 148);
  return Buffer.concat([before, await tarOf(part)]);
}

/** Tars behind each other as one. */
export function joined(...tars: readonly Buffer[]): Buffer {
  const end = 1_024;
  return Buffer.concat([...tars.map((tar) => tar.subarray(0, -end)), Buffer.alloc(end)]);
}

export interface LayoutOptions {
  readonly packed?: boolean;
  readonly config?: object;
  /** Documents and blobs that are put in the place of those that belong there, by name. */
  readonly instead?: Readonly<Record<string, Buffer | string | undefined>>;
}

/** An image of these layers (tars, the lowest first) as files of an OCI layout, by name. */
export function layoutFiles(
  layers: readonly Buffer[],
  { packed = false, config = {}, instead = {} }: LayoutOptions = {},
): ReadonlyMap<string, Buffer> {
  const blobs = new Map<string, Buffer>();
  const keep = (content: Buffer, mediaType: string) => {
    const digest = sha256(content);
    blobs.set(`blobs/sha256/${digest.slice(7)}`, content);
    return { mediaType, digest, size: content.length };
  };
  const json = (value: object) => Buffer.from(JSON.stringify(value));
  const carried = layers.map((layer) =>
    keep(packed ? gzipSync(layer) : layer, `application/vnd.oci.image.layer.v1.tar${packed ? '+gzip' : ''}`),
  );
  const document = {
    ...{ os: 'linux', config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256(layer)) },
  };
  const manifest = {
    schemaVersion: 2,
    config: keep(json(document), 'application/vnd.oci.image.config.v1+json'),
    layers: carried,
  };
  const top = keep(json(manifest), 'application/vnd.oci.image.manifest.v1+json');
  const files = new Map([
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
    ['index.json', json({ schemaVersion: 2, manifests: [top] })],
    ...blobs,
  ]);
  for (const [name, content] of Object.entries(instead)) {
    if (content === undefined) files.delete(name);
    else files.set(name, Buffer.from(content));
  }
  return files;
}

/** As `docker save` writes it. */
export function dockerFiles(layers: readonly Buffer[], config: object = {}): ReadonlyMap<string, Buffer> {
  const document = {
    ...{ os: 'linux', config },
    rootfs: { type: 'layers', diff_ids: layers.map((layer) => sha256(layer)) },
  };
  const names = layers.map((layer) => `${sha256(layer).slice(7)}/layer.tar`);
  const manifest = [{ Config: 'config.json', RepoTags: ['web:2'], Layers: names }];
  return new Map([
    ['manifest.json', Buffer.from(JSON.stringify(manifest))],
    ['config.json', Buffer.from(JSON.stringify(document))],
    ...layers.map((layer, i) => [names[i] ?? '', layer] as const),
  ]);
}

/** Files by name, as a tar. */
export async function packed(files: ReadonlyMap<string, Buffer>): Promise<Buffer> {
  const packer = pack();
  for (const [name, content] of files) packer.entry({ name }, content);
  packer.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of packer) chunks.push(Buffer.from(chunk as Uint8Array));
  return Buffer.concat(chunks);
}

/** The names of layers' folders in a store, the lowest first. */
export function layerNames(layers: readonly Buffer[]): readonly string[] {
  return chainIds(layers.map((layer) => sha256(layer))).map((chain) => chain.slice(7));
}
