import { Argument } from 'commander';
import { bashScript } from '../completion/bash.ts';
import { fishScript } from '../completion/fish.ts';
import { describeTree } from '../completion/tree.ts';
import { zshScript } from '../completion/zsh.ts';
import type { Context } from '../context.ts';

const SCRIPTS = { bash: bashScript, zsh: zshScript, fish: fishScript } as const;
type Shell = keyof typeof SCRIPTS;

export function addCompletion(context: Context): void {
  context
    .command(context.program, 'completion', 'Print a script that completes svcctl’s commands on <Tab>', [
      'source <(svcctl completion bash)',
      'svcctl completion zsh > ~/.zfunc/_svcctl      # a directory of $fpath',
      'svcctl completion fish > ~/.config/fish/completions/svcctl.fish',
    ])
    .addArgument(new Argument('<shell>').choices(Object.keys(SCRIPTS)))
    .action((shell: Shell) => context.io.out(SCRIPTS[shell](describeTree(context.program))));
}
