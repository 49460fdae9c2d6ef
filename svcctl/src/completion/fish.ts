import type { CompletedCommand, CompletedOption } from './tree.ts';

/** A completion script for fish: a line for each word and option, with the condition under which it is offered. */
export function fishScript(tree: readonly CompletedCommand[]): string {
  return `# fish completion of svcctl
function __svcctl_names
    if test $argv[1] = images
        svcctl image ls -o name 2>/dev/null | string replace -r '^[^/]*/' ''
    else
        svcctl get $argv[1] -o name 2>/dev/null | string replace -r '^[^/]*/' ''
    end
end

complete -c svcctl -f
${tree.flatMap(linesOf).join('\n')}
`;
}

function linesOf(command: CompletedCommand): string[] {
  const when = `-n ${quoted(condition(command))}`;
  const words = command.words.map(
    ({ word, summary }) =>
      `complete -c svcctl ${when} -a ${word}${summary === '' ? '' : ` -d ${quoted(summary)}`}`,
  );
  return [...words, ...nameLines(command), ...command.options.map((one) => optionLine(when, one))];
}

/** Commands below are offered until one of them is typed. */
function condition({ path, words, names }: CompletedCommand): string {
  const typed = path.split(' ').filter((word) => word !== '');
  const seen = typed.map((word) => `__fish_seen_subcommand_from ${word}`);
  if (names !== undefined || words.length === 0) return seen.join('; and ') || 'true';
  const next = `not __fish_seen_subcommand_from ${words.map(({ word }) => word).join(' ')}`;
  return [...seen, next].join('; and ');
}

function nameLines({ path, words, names }: CompletedCommand): string[] {
  const under = path.split(' ').map((word) => `__fish_seen_subcommand_from ${word}`);
  if (names === undefined) return [];
  if (names !== 'typed')
    return [`complete -c svcctl -n ${quoted(under.join('; and '))} -a '(__svcctl_names ${names})'`];
  return words.map(({ word }) => {
    const when = [...under, `__fish_seen_subcommand_from ${word}`].join('; and ');
    return `complete -c svcctl -n ${quoted(when)} -a '(__svcctl_names ${word})'`;
  });
}

function optionLine(
  when: string,
  { flags, summary, takesValue, values, takesFile, names: kind }: CompletedOption,
): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`));
  const words = kind === undefined ? values.join(' ') : `(__svcctl_names ${kind})`;
  const value = takesFile ? ' -r -F' : ` -x -a ${quoted(words)}`;
  return `complete -c svcctl ${when} ${names.join(' ')} -d ${quoted(summary)}${takesValue ? value : ''}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
