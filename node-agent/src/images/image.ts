import type { ImageRef } from '@causeway/shared/model/container';

/** What an image says of the containers made of it. Absent: it says nothing. */
export interface ImageConfig {
  readonly entrypoint: readonly string[];
  /** Behind the entry point, where the container names no command of its own. */
  readonly cmd: readonly string[];
  /** `KEY=value`, in the image's order. */
  readonly env: readonly string[];
  readonly user?: string;
  readonly workdir?: string;
  /** `SIGTERM`, `15` */
  readonly stopSignal?: string;
}

/** An image that lies unpacked on this host. */
export interface ReadyImage {
  /** Of the manifest; of the built-in image, of what it is made of. `sha256:…` */
  readonly digest: string;
  /**
   * Folders of the layers, the topmost first, as overlayfs wants them; whoever mounts them writes nothing into them. Each is
   * `<images folder>/layers/<64 hex digits>`: longer lists fit into a mount's options only as names relative to that folder.
   */
  readonly lowers: readonly string[];
  readonly config: ImageConfig;
}

/** The images of one host: content-addressed blobs, and the layers unpacked from them. */
export interface ImageStore {
  /**
   * The image, unpacked. Fetched from other hosts when this one does not have it, which takes its time: concurrent calls
   * fetch once.
   *
   * @param ref absent: the built-in image
   * @throws CausewayError `not-found` when no host has it, or this one no static busybox; `exhausted` when the disk is full
   */
  ready(ref: ImageRef | undefined): Promise<ReadyImage>;
  /** Whether `ready` can answer without asking other hosts. */
  isHere(ref: ImageRef | undefined): Promise<boolean>;
}
