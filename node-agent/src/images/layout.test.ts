import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { sha256 } from '@causeway/shared/model/oci-image';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { file, layoutFiles, packed, tarOf } from '../../../test/support/archives.ts';
import { hostArchitecture } from './platform.ts';
import { createImageStore } from './store.ts';

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'causeway-layouts-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

interface Listed {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

const INDEX = 'application/vnd.oci.image.index.v1+json';
const absent = { mediaType: 'application/vnd.oci.image.manifest.v1+json', digest: sha256('absent'), size: 1 };
const of = (one: Listed, os: string, architecture = hostArchitecture()) => ({
  ...one,
  platform: { os, architecture },
});

/** Takes a layout whose index is made of the descriptor of its only image. @returns that one's digest, and the one taken */
async function takeOf(
  indexOf: (own: Listed) => { readonly all: readonly object[]; readonly blobs?: Record<string, Buffer> },
): Promise<readonly [own: string, taken: string]> {
  const layers = [await tarOf(file('bin/x', 'x'))];
  const plain = JSON.parse(String(layoutFiles(layers).get('index.json'))) as { manifests: [Listed] };
  const [own] = plain.manifests;
  const { all, blobs = {} } = indexOf(own);
  const index = JSON.stringify({ schemaVersion: 2, manifests: all });
  const archive = await packed(layoutFiles(layers, { instead: { ...blobs, 'index.json': index } }));
  const taken = await createImageStore({ dir }).take(Readable.from([archive]));
  return [own.digest, taken.digest];
}

describe('the image of a layout that has several', () => {
  it('is the one for this host, of others not even the blobs are needed', async () => {
    const [own, taken] = await takeOf((one) => ({
      all: [of(absent, 'linux', 's390x'), of(absent, 'windows'), of(one, 'linux'), of(absent, 'unknown')],
    }));
    expect(taken).toBe(own);
  });

  it('may be behind an index in the index', async () => {
    const [own, taken] = await takeOf((one) => {
      const inner = Buffer.from(
        JSON.stringify({ schemaVersion: 2, manifests: [of(absent, 'windows'), of(one, 'linux')] }),
      );
      const digest = sha256(inner);
      return {
        all: [{ mediaType: INDEX, digest, size: inner.length }],
        blobs: { [`blobs/sha256/${digest.slice('sha256:'.length)}`]: inner },
      };
    });
    expect(taken).toBe(own);
  });

  it('is nobody’s guess: none or two for this host are refused with what there is', async () => {
    const here = hostArchitecture();
    await expect(takeOf((one) => ({ all: [of(one, 'linux'), of(absent, 'linux')] }))).rejects.toThrow(
      `index.json has 2 images (linux/${here}, linux/${here}), of which 2 are for this host: one is taken`,
    );
    await expect(
      takeOf(() => ({ all: [of(absent, 'windows'), of(absent, 'linux', 's390x')] })),
    ).rejects.toThrow(
      `index.json has 2 images (windows/${here}, linux/s390x), of which 0 are for this host: one is taken`,
    );
  });
});
