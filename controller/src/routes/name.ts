import { invalid } from '@causeway/shared/errors';
import { NAME_ERROR, NAME_PATTERN } from '@causeway/shared/model/input';

/** A name in the body must be that of the path. @throws CausewayError `invalid` */
export function checkedName(inPath: string, inBody: string | undefined): string {
  if (!NAME_PATTERN.test(inPath)) throw invalid('name', inPath, NAME_ERROR);
  if (inBody === undefined || inBody === inPath) return inPath;
  throw invalid('name', inBody, `is not the name in the path, "${inPath}"`);
}
