import { VERSION } from '@causeway/shared/version';
import { Command, CommanderError } from 'commander';
import { addApply } from './commands/apply.ts';
import { addAttach, addDetach } from './commands/attach.ts';
import { addCompletion } from './commands/completion.ts';
import { addRemove, addStart, addStop } from './commands/container-life.ts';
import { addDelete } from './commands/delete.ts';
import { addDescribe } from './commands/describe.ts';
import { addEndpoint } from './commands/endpoint.ts';
import { addEvents } from './commands/events.ts';
import { addExec } from './commands/exec.ts';
import { addExpose } from './commands/expose.ts';
import { addGet } from './commands/get.ts';
import { addImage } from './commands/image.ts';
import { addInspect } from './commands/inspect.ts';
import { addIpam } from './commands/ipam.ts';
import { addLogs } from './commands/logs.ts';
import { addNet } from './commands/net.ts';
import { addNetwork } from './commands/network.ts';
import { addNode } from './commands/node.ts';
import { addPolicy } from './commands/policy.ts';
import { addPs } from './commands/ps.ts';
import { addRun } from './commands/run.ts';
import { addSettings } from './commands/settings.ts';
import { addStatus } from './commands/status.ts';
import { addUnexpose } from './commands/unexpose.ts';
import { addVersion } from './commands/version.ts';
import { addWorkload } from './commands/workload.ts';
import { Context } from './context.ts';
import { CommandExit, EXIT, EXIT_CODES_HELP, exitCodeOf, tellFaults } from './exit.ts';
import type { Io } from './io.ts';
import { safe } from './print/safe.ts';

/** Runs one command line. Never throws. @returns the exit code */
export async function run(argv: readonly string[], io: Io): Promise<number> {
  try {
    await buildProgram(io).parseAsync(argv.length === 0 ? ['--help'] : argv, { from: 'user' });
    return EXIT.ok;
  } catch (error) {
    if (error instanceof CommandExit) return error.exitCode;
    if (error instanceof CommanderError) return usage(error, argv, io);
    tellFaults(error, io);
    return exitCodeOf(error);
  }
}

/** The whole tree of commands. */
export function buildProgram(io: Io): Command {
  const program = new Command('svcctl')
    .description('Services and hosts of a Causeway cluster')
    .version(VERSION, '-V, --version', 'print the version of svcctl')
    .option('--server <address>', 'the controller: http://HOST:PORT or unix:/PATH (or SVCCTL_SERVER)')
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => io.out(text),
      writeErr: (text) => io.err(text),
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText('after', rootHelp);
  const context = new Context(io, program);
  const add = [addExpose, addUnexpose, addEndpoint];
  const containers = [addRun, addPs, addStop, addStart, addRemove, addInspect, addAttach, addDetach];
  const inside = [addExec, addLogs, addImage];
  const looking = [addWorkload, addGet, addDescribe];
  const more = [addStatus, addEvents, addNode, addNet, addNetwork, addSettings, addPolicy, addIpam];
  const files = [addApply, addDelete];
  const all = [...add, ...containers, ...inside, ...looking, ...more, ...files];
  for (const one of [...all, addVersion, addCompletion]) one(context);
  return program;
}

const rootHelp = `
Example:
  svcctl expose 2.2.2.2:88 --name web --to 10.10.1.2:12345 --node-port 30001 --wait

Without --server and SVCCTL_SERVER the controller is found at /run/causeway/controller.sock,
or in the newest running lab.

${EXIT_CODES_HELP}`;

/** Faults of somebody who does not know what comes next. */
const LOST = ['commander.missingArgument', 'commander.unknownCommand', 'commander.excessArguments'];

/** Commands whose last words are those of a program. */
const PROGRAMS = ['run', 'exec'];

function usage(error: CommanderError, argv: readonly string[], io: Io): number {
  if (error.exitCode === 0) return EXIT.ok;
  // A command that only holds others has printed its help instead of a sentence.
  if (error.code !== 'commander.help') {
    const sentence = error.message.replace(/^error: /, '').replace(/\s*\n\s*/g, ' ');
    io.err(`svcctl: ${safe(sentence)}${sentence.includes('Did you mean') ? '' : hintOf(error, argv)}\n`);
  }
  return EXIT.usage;
}

function hintOf({ code }: CommanderError, argv: readonly string[]): string {
  if (LOST.includes(code)) return ' (see --help)';
  const isForProgram = argv.some((word) => PROGRAMS.includes(word)) && !argv.includes('--');
  if (code === 'commander.unknownOption' && isForProgram)
    return ' (a program and its own options stand behind --)';
  return '';
}
