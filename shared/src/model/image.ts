/** A name of an image: `/causeway/v1/images/<name>`, written by the controller once a host has taken the image. */
export interface ImageRecord {
  /** `web`, `web:2`, `docker.io/library/nginx:1.25`. */
  readonly name: string;
  /** Of the OCI manifest: `sha256:…`. */
  readonly digest: string;
  /** Of all its blobs as they are carried, bytes. */
  readonly size: number;
  /** ISO 8601 in UTC. */
  readonly createdAt: string;
}

/** Images that a host holds whole: `/causeway/v1/image-holders/<node>`, on the lease of liveness. */
export interface ImageHolder {
  readonly node: string;
  /** Digests of manifests, sorted. */
  readonly digests: readonly string[];
}

export { BUILT_IN_IMAGE } from '../container-text.ts';

/** What a host answers that has taken an image. */
export interface ImageTaken {
  /** Of the manifest. */
  readonly digest: string;
  /** Of all blobs, bytes. */
  readonly size: number;
  /** What was left out, or is odd, a sentence each. */
  readonly notes: readonly string[];
}
