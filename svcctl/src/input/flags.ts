import { CausewayError } from '@causeway/shared/errors';

/** Fields of a request, and the flag that each comes from; the first pattern that fits counts. */
export type FlagNames = readonly (readonly [
  field: RegExp,
  flag: string | ((match: RegExpExecArray) => string),
])[];

/**
 * The controller tells faults by the fields of its API; who typed flags is told by these.
 *
 * @returns the error to throw instead; the same one when it does not begin with a field that is known here
 */
export function inFlags(error: unknown, names: FlagNames): unknown {
  if (!(error instanceof CausewayError) || error.field === undefined) return error;
  const { code, field, value, message } = error;
  if (!message.startsWith(`${field} `)) return error;
  for (const [pattern, flag] of names) {
    const match = pattern.exec(field);
    if (match === null) continue;
    const name = typeof flag === 'string' ? flag : flag(match);
    const sentence = `${name}${message.slice(field.length)}`;
    return new CausewayError(code, sentence, { field: name, value, cause: error });
  }
  return error;
}

const kebab = (field: string): string =>
  field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`).replace(/-ms$/, '');

/**
 * The flags of `expose`.
 *
 * @param ports those that are sent, in order
 * @param isFirstTyped whether the first is that of VIP:PORT, whose details have flags of their own
 */
export function exposeFlags(ports: readonly { readonly port: number }[], isFirstTyped: boolean): FlagNames {
  const partOfPort = ([, index = '0', part = '']: RegExpExecArray): string =>
    index === '0' && isFirstTyped
      ? kebab(part)
      : `port ${ports[Number(index)]?.port ?? index}: ${kebab(part)}`;
  return [
    [/^ports\[(\d+)\]\.(\w+)$/, partOfPort],
    [/^ports$/, 'port'],
    [/^vip(\[\d+\])?$/, 'vip'],
    [/^families(\[\d+\])?$/, 'family'],
    [/^endpoints(\[\d+\](\.to)?)?$/, 'to'],
    [/^selector(\..*)?$/s, 'selector'],
    [/^sourceRanges(\[\d+\])?$/, 'source-range'],
    [/^health\.(\w+)/, ([, part = '']) => `health-${kebab(part)}`],
    [/^(affinity|externalPolicy|internalPolicy|whenUnhealthy)$/, ([field]) => kebab(field)],
  ];
}
