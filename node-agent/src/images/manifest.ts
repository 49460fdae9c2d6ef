import { keepText } from './blobs.ts';
import type { StorePlaces } from './places.ts';

/** Writes a configuration, and the manifest that names it. @returns the manifest's digest */
export async function keepManifest(
  places: StorePlaces,
  draft: string,
  config: string,
  layers: readonly { readonly mediaType: string; readonly digest: string; readonly size: number }[],
): Promise<string> {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = {
    ...{ schemaVersion: 2, mediaType },
    config: {
      mediaType: 'application/vnd.oci.image.config.v1+json',
      digest: await keepText(places, draft, config),
      size: Buffer.byteLength(config),
    },
    layers,
  };
  return keepText(places, draft, JSON.stringify(manifest));
}
