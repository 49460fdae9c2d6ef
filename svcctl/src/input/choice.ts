import { invalid } from '@causeway/shared/errors';
import { Option } from 'commander';

/** An option that takes one of a few words; completion offers them, and another one is told by flag and value. */
export function choiceOption(flags: string, summary: string, values: readonly string[]): Option {
  const option = new Option(flags, summary);
  return option.choices(values).argParser((text) => {
    if (!values.includes(text)) throw invalid(option.name(), text, `is none of ${values.join(', ')}`);
    return text;
  });
}
