import type { Command, Option } from 'commander';
import { CALLED, KINDS, type Kind } from '../input/kinds.ts';

/** What can follow a command, as the three shells' scripts need it. */
export interface CompletedCommand {
  /** `endpoint add`; empty for svcctl itself. */
  readonly path: string;
  readonly summary: string;
  /** Words that may come next: commands below it, or the values of its first argument. */
  readonly words: readonly { readonly word: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  /** The kind whose names complete the arguments; `typed`: the argument before names it. */
  readonly names?: Named | 'typed';
}

/** What is listed by `svcctl get`; images have a list of their own. */
export type Named = Kind | 'images';

export interface CompletedOption {
  /** `--output` and, where there is one, `-o`. */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly takesValue: boolean;
  readonly values: readonly string[];
  readonly takesFile: boolean;
  /** What has the names that are its values. */
  readonly names?: Named;
}

const TYPES: Readonly<Record<string, readonly Kind[]>> = {
  get: KINDS,
  describe: ['nodes', 'services', 'policies'],
  delete: ['services', 'containers', 'workloads', 'policies'],
};
const NAMED: Readonly<Record<string, Named>> = {
  unexpose: 'services',
  'endpoint add': 'services',
  'endpoint rm': 'services',
  'endpoint list': 'services',
  'endpoint weight': 'services',
  'endpoint drain': 'services',
  stop: 'containers',
  start: 'containers',
  rm: 'containers',
  inspect: 'containers',
  detach: 'containers',
  exec: 'containers',
  logs: 'containers',
  'net inspect': 'containers',
  'image rm': 'images',
  'workload rm': 'workloads',
  'policy get': 'policies',
  'policy describe': 'policies',
  'policy delete': 'policies',
  'node reserve': 'nodes',
  'node release': 'nodes',
  'node cordon': 'nodes',
  'node uncordon': 'nodes',
  'node drain': 'nodes',
};

/** All commands, parents before their children. */
export function describeTree(program: Command): CompletedCommand[] {
  const own = program.options.map(describeOption);
  return walk(program, '').map(({ command, path }) => ({
    path,
    summary: command.description(),
    words: wordsAfter(command, path),
    options: [...command.options.map(describeOption), ...(path === '' ? [] : own), HELP].filter(
      (option) => path === '' || !option.flags.includes('--version'),
    ),
    ...namesAfter(path),
  }));
}

const HELP: CompletedOption = {
  flags: ['-h', '--help'],
  summary: 'show help',
  takesValue: false,
  values: [],
  takesFile: false,
};

function walk(command: Command, path: string): { command: Command; path: string }[] {
  const below = command.commands.flatMap((one) =>
    walk(one, path === '' ? one.name() : `${path} ${one.name()}`),
  );
  return [{ command, path }, ...below];
}

function wordsAfter(command: Command, path: string): { word: string; summary: string }[] {
  if (command.commands.length > 0)
    return command.commands.map((one) => ({ word: one.name(), summary: one.description() }));
  const types = TYPES[path]?.map((kind) => (path === 'get' ? kind : (CALLED[kind][0] ?? kind)));
  const choices = types ?? command.registeredArguments[0]?.argChoices ?? [];
  return choices.map((word) => ({ word, summary: '' }));
}

function namesAfter(path: string): { names?: Named | 'typed' } {
  const kind = TYPES[path] === undefined ? NAMED[path] : 'typed';
  return kind === undefined ? {} : { names: kind };
}

function describeOption(option: Option): CompletedOption {
  return {
    flags: [option.short, option.long].filter((flag) => typeof flag === 'string'),
    summary: option.description,
    takesValue: option.required || option.optional,
    values: option.argChoices ?? [],
    takesFile: option.long === '--filename',
    ...(option.long === '--host' ? { names: 'nodes' as const } : {}),
    ...(option.long === '--from' ? { names: 'containers' as const } : {}),
    ...(option.long === '--image' ? { names: 'images' as const } : {}),
  };
}
