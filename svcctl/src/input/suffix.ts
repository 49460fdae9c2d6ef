import { invalid } from '@causeway/shared/errors';

export interface Suffixed<K extends string> {
  readonly head: string;
  readonly said: { readonly [P in K]?: string };
}

/**
 * Takes `HEAD,key=value,…` apart, the form in which one flag says more about its value.
 *
 * @param flag the flag's name, for the sentence
 * @param known the keys that there are
 * @throws CausewayError `invalid` when a part is none of them, or is given twice
 */
export function parseSuffixed<K extends string>(
  flag: string,
  text: string,
  known: readonly K[],
): Suffixed<K> {
  const [head = '', ...parts] = text.split(',');
  const said: { [P in K]?: string } = {};
  for (const part of parts) {
    const equals = part.indexOf('=');
    const key = known.find((one) => one === part.slice(0, Math.max(0, equals)));
    if (key === undefined) {
      const forms = known.map((one) => `${one}=…`).join(', ');
      throw invalid(flag, text, `has ${JSON.stringify(part)}, and what may follow a comma is ${forms}`);
    }
    if (said[key] !== undefined) throw invalid(flag, text, `gives ${key} twice`);
    said[key] = part.slice(equals + 1);
  }
  return { head, said };
}
