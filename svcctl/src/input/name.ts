import { invalid } from '@causeway/shared/errors';

const LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** A name that becomes part of a request's path. @throws CausewayError `invalid` when nothing can be called so */
export function checkName(field: string, name: string): string {
  if (!LABEL.test(name))
    throw invalid(field, name, 'is not a name: 1 to 63 of a-z, 0-9 and -, with no - at either end');
  return name;
}
