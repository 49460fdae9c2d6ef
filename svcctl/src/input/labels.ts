import { invalid } from '@causeway/shared/errors';

export type Labels = Readonly<Record<string, string>>;

/**
 * Parses `app=web,tier=front`; what a repeated flag gave before is added to. Which signs may be in labels is the
 * controller's to say.
 *
 * @param flag for the sentence
 * @throws CausewayError `invalid` when a part is not KEY=VALUE, or a key has two values
 */
export function parseLabels(flag: string, text: string, before: Labels = {}): Labels {
  const labels = new Map(Object.entries(before));
  for (const part of text.split(',')) {
    const equals = part.indexOf('=');
    if (equals < 1) throw invalid(flag, text, 'is not KEY=VALUE, as in app=web or app=web,tier=front');
    const [key, value] = [part.slice(0, equals).trim(), part.slice(equals + 1).trim()];
    if (labels.has(key) && labels.get(key) !== value)
      throw invalid(flag, text, `gives ${JSON.stringify(key)} a second value: labels have one`);
    labels.set(key, value);
  }
  return Object.fromEntries(labels);
}

/** The flag that gives a container or a workload its labels. */
export function labelOption(): [
  flags: string,
  summary: string,
  parse: (text: string, before?: Labels) => Labels,
] {
  return [
    '--label <key=value>',
    'what services select by; repeatable, or several with commas',
    (text, before) => parseLabels('label', text, before),
  ];
}
