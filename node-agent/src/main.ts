import { setFlagsFromString } from 'node:v8';
import { messageOf } from '@causeway/shared/errors';
import { AGENT_API_PORT, AGENT_PORT, BRIDGE, RUN_DIR, STATE_DIR, SUBNET_FILE } from '@causeway/shared/names';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { rulesetWithoutSets } from '@causeway/shared/rules/iptables/without-sets';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import { readEtcdFiles } from '@causeway/shared/store/etcd-files';
import { ETCD_FLAGS, ETCD_PASSWORD_ENV } from '@causeway/shared/store/etcd-options';
import type { Store } from '@causeway/shared/store/store';
import { VERSION } from '@causeway/shared/version';
import { Command, CommanderError, Option } from 'commander';
import { runAgent } from './agent.ts';
import { subnetFile } from './cluster/subnet-file.ts';
import { cleanUp } from './commands/cleanup.ts';
import { previewPlan } from './commands/plan.ts';
import { type AgentConfig, type RawConfig, readConfig } from './config.ts';
import { DEFAULT_ENGINES } from './containers/attach/seek.ts';
import { layoutOf } from './containers/places.ts';
import { createRuntime } from './containers/runtime.ts';
import { forgetShutdown, noteShutdown } from './containers/shutdown.ts';
import { hostFiles } from './host-files.ts';
import { createImageStore, DEFAULT_MAX_BYTES } from './images/store.ts';
import { ipSetsFault } from './kernel/ip-sets.ts';
import { linuxKernel } from './kernel/linux.ts';
import { takeLock } from './lock.ts';
import { createLogger } from './logger.ts';
import { createRuleGate } from './loop/address-gate.ts';
import type { Rulesets } from './plan/firewall.ts';

/** 0: done. 1: failed, or `plan` has steps. 2: the command line is wrong. */
const FAILED = 1;
const USAGE = 2;
/** `cleanup` waits no longer than this for an etcd that does not answer, milliseconds. */
const CLEANUP_ETCD_MS = 3_000;
/** A stopping agent that is still busy after this ends anyway, milliseconds: all that it does can be repeated. */
const STOP_MS = 5_000;

/** By how much of what is in use the heap may grow before garbage is collected: V8's own choice is several times as much. */
const HEAP_GROWTH = '--heap-growing-percent=20';
/** Only after so long, milliseconds: while an agent starts, collecting would cost a fifth of the time to the first rules. */
const HEAP_GROWTH_AFTER_MS = 15_000;

// What is left open by then (a call to an etcd that does not answer) holds nobody up.
main(process.argv).then((code) => process.exit(code));

async function main(argv: readonly string[]): Promise<number> {
  let exitCode = 0;
  const program = commandLine((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE;
    complain(error);
    return FAILED;
  }
}

function commandLine(exit: (code: number) => void): Command {
  const program = new Command('causeway-agent')
    .description('Keeps one host of a Causeway cluster: its subnet, routes, rules and containers.')
    .version(VERSION)
    .exitOverride();
  const add = (name: string, description: string) =>
    withFlags(
      program
        .command(name, { isDefault: name === 'run' })
        .description(description)
        .exitOverride(),
    );

  add(
    'run',
    'keep this host as it should be, until stopped; what was made stays (the default command)',
  ).action((raw: RawConfig) => runCommand(configOf(raw)));
  add('plan', 'print what a run would do now; changes nothing; exit 1 when there is something to do').action(
    async (raw: RawConfig) => exit(await planCommand(configOf(raw))),
  );
  add('cleanup', 'remove everything that Causeway made on this host')
    .option('--keep-lease', "keep this host's subnet in etcd, so that it gets the same one again")
    .action(async (raw: RawConfig & { keepLease?: boolean }) =>
      exit(await cleanupCommand(configOf(raw), raw.keepLease === true)),
    );
  program
    .command('version')
    .description('print the version')
    .action(() => void process.stdout.write(`${VERSION}\n`));
  return program;
}

function withFlags(command: Command): Command {
  const flag = (flags: string, text: string, env: string, value?: string) => {
    const option = new Option(flags, text).env(`CAUSEWAY_${env}`);
    command.addOption(value === undefined ? option : option.default(value));
  };
  flag('--etcd <urls>', 'etcd, several separated by commas', 'ETCD_URLS', 'http://127.0.0.1:2379');
  for (const { flags, text, env } of ETCD_FLAGS) command.addOption(new Option(flags, text).env(env));
  flag('--name <name>', "this host's name in the cluster (default: its hostname)", 'NAME');
  flag('--iface <link>', 'link to the other hosts, by name or by an address on it', 'IFACE');
  flag('--iface-regex <pattern>', 'else the first link with a matching address or name', 'IFACE_REGEX');
  flag(
    '--iface-can-reach <address>',
    'else the link that leads to this address (else the default route)',
    'IFACE_CAN_REACH',
  );
  flag('--public-ip <address>', 'IPv4 address on it (default: its first)', 'PUBLIC_IP');
  flag('--public-ipv6 <address>', 'IPv6 address on it (default: its first)', 'PUBLIC_IPV6');
  flag('--bridge <name>', 'the bridge that containers hang on', 'BRIDGE', BRIDGE);
  flag('--dataplane <which>', 'nftables or iptables (default: nftables)', 'DATAPLANE');
  flag('--state-dir <path>', 'what survives a reboot', 'STATE_DIR', STATE_DIR);
  flag('--run-dir <path>', 'what does not', 'RUN_DIR', RUN_DIR);
  flag(
    '--docker-socket <path>',
    'where Docker answers, for containers of its that are attached',
    'DOCKER_SOCKET',
    DEFAULT_ENGINES.dockerSocket,
  );
  flag('--containerd-dir <path>', "containerd's state", 'CONTAINERD_DIR', DEFAULT_ENGINES.containerdDir);
  flag('--subnet-file <path>', "flannel's file of this host's subnet, or none", 'SUBNET_FILE', SUBNET_FILE);
  flag(
    '--health-addr <address>',
    'health pages: HOST:PORT, or off',
    'HEALTH_ADDR',
    `127.0.0.1:${AGENT_PORT}`,
  );
  flag(
    '--api-addr <address>',
    "for controllers and other agents: ADDRESS:PORT, :PORT on the host's address, or off",
    'API_ADDR',
    `:${AGENT_API_PORT}`,
  );
  flag(
    '--image-max-bytes <n>',
    'the largest image that is taken, unpacked',
    'IMAGE_MAX_BYTES',
    `${DEFAULT_MAX_BYTES}`,
  );
  flag('--resync-seconds <n>', 'look at everything this often', 'RESYNC_SECONDS', '60');
  flag('--lease-hours <n>', 'how long an absent host keeps its subnet', 'LEASE_HOURS', '24');
  flag('--alive-seconds <n>', 'how soon an absent host is noticed', 'ALIVE_SECONDS', '10');
  flag('--log-level <level>', 'trace, debug, info, warn, error or silent', 'LOG_LEVEL', 'info');
  return command;
}

/** @throws CommanderError when a flag is wrong, which has been said then */
function configOf(raw: RawConfig): AgentConfig {
  try {
    const password = process.env[ETCD_PASSWORD_ENV];
    // The programs that this one starts have no use for it.
    delete process.env[ETCD_PASSWORD_ENV];
    return readConfig(raw, password);
  } catch (error) {
    complain(error);
    throw new CommanderError(USAGE, 'causeway.config', messageOf(error));
  }
}

function complain(error: unknown): void {
  process.stderr.write(`causeway-agent: ${messageOf(error)}\n`);
}

async function runCommand(config: AgentConfig): Promise<void> {
  setTimeout(() => setFlagsFromString(HEAP_GROWTH), HEAP_GROWTH_AFTER_MS).unref();
  const log = createLogger(config.logLevel, config.name);
  const unlock = await takeLock(config.runDir);
  const { stateDir, runDir } = config;
  const layout = layoutOf({ stateDir, runDir });
  await forgetShutdown(layout);
  const stopped = new AbortController();
  let noted = Promise.resolve();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // `on`, not `once`: with no listener left, a library that watches for the end of the process would end it at once.
    process.on(signal, () => {
      noted = noteShutdown(layout);
      stopped.abort();
      setTimeout(() => process.exit(0), STOP_MS).unref();
    });
  }
  const store = openEtcdStore(readEtcdFiles(config.etcd));
  const gate = createRuleGate();
  const images = createImageStore({ dir: `${stateDir}/images`, maxBytes: config.imageMaxBytes });
  const runtime = createRuntime({ stateDir, runDir, engines: config.engines, logger: log, gate, images });
  try {
    await runAgent({ ...(await parts(config)), config, store, runtime, gate, images, log }, stopped.signal);
  } finally {
    store.close();
    await noted;
    await unlock();
  }
}

async function planCommand(config: AgentConfig): Promise<number> {
  const store = openEtcdStore(readEtcdFiles(config.etcd));
  try {
    const { stateDir, runDir } = config;
    const runtime = createRuntime({ stateDir, runDir });
    const { steps, problems } = await previewPlan({ ...(await parts(config)), config, store, runtime });
    for (const problem of problems) process.stderr.write(`problem: ${problem}\n`);
    process.stdout.write(`${steps.length === 0 ? 'nothing to do' : steps.join('\n')}\n`);
    return steps.length === 0 ? 0 : FAILED;
  } finally {
    store.close();
  }
}

async function cleanupCommand(config: AgentConfig, keepLease: boolean): Promise<number> {
  const { stateDir, runDir, name } = config;
  const unlock = await takeLock(runDir);
  const store: Store | undefined = keepLease
    ? undefined
    : openEtcdStore({ ...readEtcdFiles(config.etcd), callTimeoutMs: CLEANUP_ETCD_MS });
  try {
    const runtime = createRuntime({ stateDir, runDir });
    const leave = store === undefined ? {} : { leave: { store, name } };
    const file = { ...subnetFile(config.subnetFile), path: config.subnetFile ?? '' };
    const { removed, failures, warnings } = await cleanUp({
      ...(await parts(config)),
      runtime,
      subnetFile: file,
      ...leave,
    });
    for (const line of removed) process.stdout.write(`${line}\n`);
    if (removed.length === 0) process.stdout.write('nothing to remove\n');
    for (const line of warnings)
      process.stderr.write(`not given back in etcd, where it runs out by itself: ${line}\n`);
    for (const line of failures) process.stderr.write(`still there: ${line}\n`);
    return failures.length === 0 ? 0 : FAILED;
  } finally {
    store?.close();
    await unlock();
    await hostFiles(stateDir, runDir).removeDirectories();
  }
}

async function parts({ stateDir, runDir, dataplane }: AgentConfig) {
  // Where nobody asks for sets, the kernel loads nothing for them.
  const withoutSets = dataplane === 'iptables' ? await ipSetsFault() : undefined;
  const rulesets: Rulesets = {
    nftables,
    iptables: withoutSets === undefined ? iptables : rulesetWithoutSets,
  };
  const kernel = linuxKernel({ stateDir, rulesets, ...(withoutSets === undefined ? {} : { withoutSets }) });
  return { kernel, files: hostFiles(stateDir, runDir), rulesets };
}
