import type { CompletedCommand } from './tree.ts';

/** A completion script for bash 4 and newer; needs no other package. */
export function bashScript(tree: readonly CompletedCommand[]): string {
  return `# bash completion of svcctl; load it with: source <(svcctl completion bash)
_svcctl_names() {
  # compgen -W expands what it is given, commands too: nothing but names may pass.
  svcctl get "$1" -o name 2>/dev/null | cut -d/ -f2- | grep -xE '[A-Za-z0-9./:_-]+'
}

_svcctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" words="" options="" names="" i word
  local -a arguments=()
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    case "$path $word" in
${pathCases(tree)}
      *) case "$word" in -*) ;; *) arguments+=("$word") ;; esac ;;
    esac
  done
  case "$path" in
${wordCases(tree)}
  esac
  case "$path $previous" in
${valueCases(tree)}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$options" -- "$current")); return ;;
  esac
  if [ "$names" = typed ] && [ \${#arguments[@]} -gt 0 ]; then
    words="$(_svcctl_names "\${arguments[0]}")"
  elif [ -n "$names" ] && [ "$names" != typed ]; then
    words="$(_svcctl_names "$names")"
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _svcctl svcctl
`;
}

function pathCases(tree: readonly CompletedCommand[]): string {
  return tree
    .filter(({ path }) => path !== '')
    .map(({ path }) => {
      const parent = path.split(' ').slice(0, -1).join(' ');
      return `      "${parent} ${path.split(' ').at(-1)}") path="${path}" ;;`;
    })
    .join('\n');
}

function wordCases(tree: readonly CompletedCommand[]): string {
  return tree
    .map(({ path, words, options, names }) => {
      const next = words.map(({ word }) => word).join(' ');
      const flags = options.flatMap((option) => option.flags).join(' ');
      return `    "${path}") words="${next}"; options="${flags}"; names="${names ?? ''}" ;;`;
    })
    .join('\n');
}

function valueCases(tree: readonly CompletedCommand[]): string {
  const cases = tree.flatMap(({ path, options }) =>
    options
      .filter((option) => option.takesValue)
      .map(({ flags, values, takesFile, names }) => {
        const pattern = flags.map((flag) => `"${path} ${flag}"`).join('|');
        const words = names === undefined ? values.join(' ') : `$(_svcctl_names ${names})`;
        const how = takesFile ? '-f' : `-W "${words}"`;
        return `    ${pattern}) COMPREPLY=($(compgen ${how} -- "$current")); return ;;`;
      }),
  );
  return cases.join('\n');
}
