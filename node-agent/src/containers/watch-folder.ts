import { watch } from 'node:fs';

/**
 * Calls `onChange` when something in a folder changes. Hints only: where the kernel gives no more watches (they are counted
 * by user, and others have some too) there are none.
 *
 * @returns stops it
 */
export function watchFolder(path: string, onChange: () => void): () => void {
  try {
    const watcher = watch(path, { persistent: false }, onChange);
    watcher.on('error', () => watcher.close());
    return () => watcher.close();
  } catch {
    return () => undefined;
  }
}
