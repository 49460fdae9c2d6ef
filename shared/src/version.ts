/** Put in by the build (deploy/build.mjs); absent when the source runs unbundled, in tests. */
declare const CAUSEWAY_VERSION: string | undefined;

export const VERSION: string = typeof CAUSEWAY_VERSION === 'string' ? CAUSEWAY_VERSION : '0.0.0-dev';
