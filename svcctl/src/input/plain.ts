import { show } from '@causeway/shared/errors';

/** No object has more levels than a handful; aliases of YAML can make one without end. */
const MAX_LEVELS = 50;

/**
 * What of a parsed file cannot be sent as JSON.
 * @returns the end of a sentence about the file, undefined when all can be sent
 */
export function unsendable(value: unknown, path = '', levels = MAX_LEVELS): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value))
    return `${path || 'the value'} ${value} is not a number that JSON can carry`;
  if (typeof value !== 'object' || value === null) return undefined;
  if (levels === 0) return `is nested deeper than ${MAX_LEVELS} levels`;
  for (const [key, part] of Object.entries(value)) {
    const fault = unsendable(part, Array.isArray(value) ? `${path}[${key}]` : step(path, key), levels - 1);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function step(path: string, key: string): string {
  const name = /^[\w-]{1,60}$/.test(key) ? key : show(key);
  return path === '' ? name : `${path}.${name}`;
}
