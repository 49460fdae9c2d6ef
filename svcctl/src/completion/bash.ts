import type { CompletedCommand } from './tree.ts';

/** A completion script for bash 4 and newer; needs no other package. */
export function bashScript(tree: readonly CompletedCommand[]): string {
  return `# bash completion of svcctl; load it with: source <(svcctl completion bash)
_svcctl_names() {
  # compgen -W expands what it is given, commands too: nothing but names may pass.
  case "$1" in
    images) svcctl image ls -o name ;;
    *) svcctl get "$1" -o name ;;
  esac 2>/dev/null | cut -d/ -f2- | grep -xE '[A-Za-z0-9./:_-]+'
}

_svcctl_offer() {
  COMPREPLY=($(compgen "$@" -- "$current"))
  COMPREPLY=("\${COMPREPLY[@]#"$head"}")
}

_svcctl() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path="" words="" options="" names="" i word
  local line="\${COMP_LINE:0:COMP_POINT}" head=""
  local -a arguments=()
  # The names of images and endpoints have colons, at which bash cuts words.
  if [[ "$COMP_WORDBREAKS" == *:* && "\${line##*[[:space:]]}" == *:* ]]; then
    current="\${line##*[[:space:]]}"
    head="\${current%"\${current##*:}"}"
    read -ra arguments <<<"\${line%"$current"}"
    previous="\${arguments[\${#arguments[@]}-1]}"
    arguments=()
  fi
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
    -*) _svcctl_offer -W "$options"; return ;;
  esac
  if [ "$names" = typed ] && [ \${#arguments[@]} -gt 0 ]; then
    words="$(_svcctl_names "\${arguments[0]}")"
  elif [ -n "$names" ] && [ "$names" != typed ]; then
    words="$(_svcctl_names "$names")"
  fi
  _svcctl_offer -W "$words"
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
        return `    ${pattern}) _svcctl_offer ${how}; return ;;`;
      }),
  );
  return cases.join('\n');
}
