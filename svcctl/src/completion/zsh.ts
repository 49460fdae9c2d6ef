import type { CompletedCommand, CompletedOption } from './tree.ts';

/** A completion script for zsh: one function per command, by zsh's own `_arguments`. */
export function zshScript(tree: readonly CompletedCommand[]): string {
  return `#compdef svcctl
# zsh completion of svcctl; write it to a directory of $fpath as _svcctl
_svcctl_names() {
  local -a names
  case "$1" in
    images) names=(\${(f)"$(svcctl image ls -o name 2>/dev/null | cut -d/ -f2-)"}) ;;
    *) names=(\${(f)"$(svcctl get "$1" -o name 2>/dev/null | cut -d/ -f2-)"}) ;;
  esac
  compadd -a names
}

${tree.map(commandFunction).join('\n')}
if [ "$funcstack[1]" = _svcctl ]; then _svcctl "$@"; else compdef _svcctl svcctl; fi
`;
}

function commandFunction(command: CompletedCommand): string {
  const specs = command.options.map(optionSpec);
  return command.words.length > 0 && command.names === undefined && isParent(command)
    ? parentFunction(command, specs)
    : `${functionName(command.path)}() {\n  _arguments ${[...specs, ...argumentSpecs(command)].join(' \\\n    ')}\n}\n`;
}

/** Values of an argument carry no summary, commands do. */
function isParent({ words }: CompletedCommand): boolean {
  return words.every(({ summary }) => summary !== '');
}

function parentFunction({ path, words }: CompletedCommand, specs: readonly string[]): string {
  const described = words.map(({ word, summary }) => quoted(`${word}:${summary}`)).join(' ');
  const cases = words
    .map(({ word }) => `      ${word}) ${functionName(path === '' ? word : `${path} ${word}`)} ;;`)
    .join('\n');
  return `${functionName(path)}() {
  local state line
  local -a commands
  commands=(${described})
  _arguments -C ${specs.join(' \\\n    ')} \\
    '1: :->command' '*:: :->arguments'
  case "$state" in
    command) _describe command commands ;;
    arguments)
    case "$line[1]" in
${cases}
    esac ;;
  esac
}
`;
}

function argumentSpecs({ words, names }: CompletedCommand): string[] {
  const list = words.map(({ word }) => word).join(' ');
  if (names === 'typed') return [`'1:type:(${list})'`, `'2:name:_svcctl_names $line[1]'`];
  if (names !== undefined) return [`'1:name:_svcctl_names ${names}'`];
  return list === '' ? [] : [`'1: :(${list})'`];
}

function optionSpec({ flags, summary, takesValue, values, takesFile, names: kind }: CompletedOption): string {
  const words = kind === undefined ? `(${values.join(' ')})` : `_svcctl_names ${kind}`;
  const value = takesFile ? ':file:_files' : `:value:${words}`;
  const text = quoted(`[${summary.replaceAll(/[[\]\\:]/g, ' ')}]${takesValue ? value : ''}`);
  const names = flags.length > 1 ? `'(${flags.join(' ')})'{${flags.join(',')}}` : (flags[0] ?? '');
  return `${names}${text}`;
}

function functionName(path: string): string {
  return path === '' ? '_svcctl' : `_svcctl_${path.replaceAll(' ', '_')}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
