import { CausewayError, invalid } from '@causeway/shared/errors';

/** What a caller wants an object's revision to be: a number, or `*`: any, but it must exist. */
export type IfMatch = number | '*' | undefined;

const FIELD = 'If-Match';

/** @throws CausewayError `invalid` unless it is `"123"`, `123` or `*`. */
export function parseIfMatch(header: string | undefined): IfMatch {
  if (header === undefined || header === '*') return header;
  const digits = /^(?:W\/)?"?(\d{1,15})"?$/.exec(header.trim())?.[1];
  if (digits === undefined) throw invalid(FIELD, header, 'is not the revision of an object, such as "42"');
  return Number(digits);
}

/** @throws CausewayError that answers 412 when the object is not what the caller saw. */
export function checkIfMatch(ifMatch: IfMatch, what: string, revision: number | undefined): void {
  if (ifMatch === undefined || (ifMatch === '*' && revision !== undefined) || ifMatch === revision) return;
  const found = revision === undefined ? 'it does not exist' : `its revision is ${revision}`;
  throw new CausewayError(
    'conflict',
    `changing ${what}: If-Match asks for revision ${ifMatch}, but ${found}`,
    {
      field: FIELD,
      value: String(ifMatch),
    },
  );
}

/** Whether an error says that a precondition failed (412) and not that somebody else has something (409). */
export function isPrecondition(error: CausewayError): boolean {
  return error.code === 'conflict' && error.field === FIELD;
}

/** The header's value for a revision. */
export function etag(revision: number): string {
  return `"${revision}"`;
}
