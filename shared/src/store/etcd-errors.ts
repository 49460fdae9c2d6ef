import { CausewayError, type ErrorCode, messageOf } from '../errors.ts';

/** gRPC's status numbers, as `@grpc/grpc-js` puts them into an error's `code`. */
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;
const CANCELLED = 1;

/** What etcd and gRPC say, and what we call it. The first match wins. */
const BY_TEXT: readonly (readonly [RegExp, ErrorCode])[] = [
  [/requested lease not found/, 'not-found'],
  // Passwords and roles can be put right in etcd; until then it is as if it were not there.
  [
    /authentication failed|permission denied|invalid auth token|auth store is old|user name is/,
    'unreachable',
  ],
  [/DEADLINE_EXCEEDED|Deadline exceeded/i, 'timeout'],
  [/UNAVAILABLE|no leader|leader changed|request timed out|ECONNREFUSED|ECONNRESET/i, 'unreachable'],
  [/CANCELLED|has been closed|Channel has been shut down|client is closed/i, 'unreachable'],
  [/request is too large|RESOURCE_EXHAUSTED|space exceeded/i, 'exhausted'],
];

/** Turns anything that etcd3 throws into an error of ours: "doing X: reason". */
export function etcdError(doing: string, error: unknown): CausewayError {
  if (error instanceof CausewayError) return error;
  return new CausewayError(codeOf(error), `${doing}: ${plain(messageOf(error))}`, { cause: error });
}

/** True when the request surely was not carried out, so that sending it again cannot do anything twice. */
export function wasNeverSent(error: unknown): boolean {
  return /No connection established|ECONNREFUSED|Name resolution failed|no leader|did not answer a moment ago/.test(
    messageOf(error),
  );
}

/** True when the members were choosing a leader, or too few of them are left. */
export function hasNoLeader(error: unknown): boolean {
  return /no leader/.test(messageOf(error));
}

/** True when another member might do better. */
export function wasMemberFault(error: unknown): boolean {
  return /DEADLINE_EXCEEDED|Deadline exceeded|UNAVAILABLE|No connection established|ECONNRE|no leader/i.test(
    messageOf(error),
  );
}

/** True when etcd did nothing because it does not, or no longer, know who asks. */
export function isTokenRefused(error: unknown): boolean {
  return /invalid auth token|revision of auth store is old|user name is empty/.test(messageOf(error));
}

/** True when etcd has users but asks nobody for a password. */
export function isAuthDisabled(error: unknown): boolean {
  return /authentication is not enabled/.test(messageOf(error));
}

/** gRPC's sentences without its numbers and empty notes. */
function plain(text: string): string {
  return text
    .replace(/^\d+ [A-Z_]+: /, '')
    .replace(/\s*Resolution note:\s*$/, '')
    .replace(/^No connection established\. Last error: (?:Error: )?/, '');
}

function codeOf(error: unknown): ErrorCode {
  const text = messageOf(error);
  const known = BY_TEXT.find(([pattern]) => pattern.test(text));
  if (known !== undefined) return known[1];
  const status = typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
  if (status === DEADLINE_EXCEEDED) return 'timeout';
  return status === UNAVAILABLE || status === CANCELLED ? 'unreachable' : 'internal';
}
