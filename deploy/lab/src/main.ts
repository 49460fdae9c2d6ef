import { CausewayError, messageOf } from '@causeway/shared/errors';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { VERSION } from '@causeway/shared/version';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { type AgentOptions, agent, controller } from './commands/daemons.ts';
import { down } from './commands/down.ts';
import { exec, shell } from './commands/exec.ts';
import { status } from './commands/status.ts';
import { type UpOptions, up } from './commands/up.ts';
import { tellStory } from './story/main.ts';

const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;

const NAME = 'the lab; without it, the one that was brought up last';

void main(process.argv).then((code) => {
  process.exitCode = code;
});

async function main(argv: readonly string[]): Promise<number> {
  let code = 0;
  const program = commands((result) => {
    code = result;
  });
  try {
    await program.parseAsync(argv);
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
    console.error(messageOf(error));
    return error instanceof CausewayError && error.code === 'invalid' ? EXIT_USAGE : EXIT_FAILURE;
  }
}

function commands(finish: (code: number) => void): Command {
  const program = new Command('lab')
    .description('A Causeway cluster on this machine, apart from its own network.')
    .version(VERSION)
    .exitOverride()
    .showHelpAfterError('(see --help)')
    .enablePositionalOptions();
  addLifeCommands(program, finish);
  addInsideCommands(program, finish);
  program
    .command('story')
    .description('bring up a cluster, show check by check that it works, and keep it until Ctrl-C')
    .option('--once', 'take it down after the checks; exit 0 only if all held')
    .action(async (options: { once?: boolean }) =>
      process.exit(await tellStory({ once: options.once === true })),
    );
  return program;
}

function addLifeCommands(program: Command, finish: (code: number) => void): void {
  program
    .command('up')
    .description('bring up a cluster that stays until `down`')
    .option('--hosts <n>', 'number of hosts', wholeNumber, 3)
    .addOption(new Option('--dataplane <name>', 'rule language').choices([...DATAPLANES]).default('nftables'))
    .option('--network <cidr>', 'IPv4 network of all containers; none: IPv6 only', '10.10.0.0/16')
    .option('--network-ipv6 <cidr>', 'IPv6 network of all containers, such as fd00:10::/48')
    .addOption(
      new Option('--backend <name>', 'how packets come to other hosts')
        .choices(['host-gw', 'vxlan'])
        .default('host-gw'),
    )
    .option('--direct-routing', 'vxlan: plain routes between hosts of one link')
    .addOption(
      new Option('--fallback <name>', 'host-gw: backend for hosts of another network').choices(['vxlan']),
    )
    .option('--far <n>', 'so many hosts are on a second network behind the router', wholeNumber, 0)
    .option('--mtu <bytes>', "MTU of the hosts' links", wholeNumber, 1_500)
    .option('--name <name>', 'name of this lab', 'lab')
    .option('--bare', 'only machines and wires')
    .option('--foreground', 'stay, and take the lab down on Ctrl-C or however this program ends')
    .addHelpText('after', '\nExample:\n  npm run lab -- up --hosts 4 --dataplane iptables')
    .action(async (options: UpOptions) => finish(await up(options)));
  program
    .command('down')
    .description('take a cluster down, with everything that belongs to it')
    .option('--name <name>', 'the lab; without it, the last one that `up` brought up')
    .option('--all', 'all labs of this user')
    .action(async (options: { name?: string; all?: boolean }) => finish(await down(options)));
  program
    .command('status')
    .description('what is up, and how it fares')
    .option('--name <name>', 'only this lab')
    .addOption(new Option('-o, --output <format>').choices(['text', 'json']).default('text'))
    .action(async (options: { name?: string; output: string }) => finish(await status(options)));
}

function addInsideCommands(program: Command, finish: (code: number) => void): void {
  program
    .command('exec')
    .description('run a command on a machine: host-1 …, client, router, internet')
    .argument('<host>', 'where')
    .argument('<command...>', 'the command; everything from here on is its own')
    .option('--name <name>', NAME)
    .passThroughOptions()
    .addHelpText('after', '\nExample:\n  npm run lab -- exec client -- curl -s http://2.2.2.2:88/hello')
    .action(async (host: string, argv: string[], options: { name?: string }) =>
      finish(await exec(host, argv[0] === '--' ? argv.slice(1) : argv, options)),
    );
  program
    .command('shell')
    .description('an interactive shell on a machine')
    .argument('<host>', 'host-1 …, client, router, internet')
    .option('--name <name>', NAME)
    .action(async (host: string, options: { name?: string }) => finish(await shell(host, options)));
  program
    .command('agent')
    .description('start or stop the agent of a host')
    .addArgument(startStop())
    .argument('<host>', 'host-1 …')
    .option('--name <name>', NAME)
    .addOption(new Option('--dataplane <name>', 'start it with this one').choices([...DATAPLANES]))
    .addHelpText('after', '\nExample:\n  npm run lab -- agent start host-2 --dataplane iptables')
    .action(async (verb: 'start' | 'stop', host: string, options: AgentOptions) =>
      finish(await agent(verb, host, options)),
    );
  program
    .command('controller')
    .description('start or stop the controller, and etcd with it')
    .addArgument(startStop())
    .option('--name <name>', NAME)
    .action(async (verb: 'start' | 'stop', options: { name?: string }) =>
      finish(await controller(verb, options)),
    );
}

function startStop(): Argument {
  return new Argument('<verb>', 'what to do').choices(['start', 'stop']);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('Not a whole number.');
  return Number(text);
}
