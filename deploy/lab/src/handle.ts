import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { RunResult } from '@causeway/shared/programs/run';
import type { Api } from './api.ts';
import type { HostState } from './host-state.ts';

export interface ExecOptions {
  /** Text for the command's standard input. */
  readonly input?: string;
  /** Default 30,000 ms; the command is killed after it. */
  readonly timeoutMs?: number;
}

/** What one start of an agent has of its own. */
export interface AgentStart {
  readonly dataplane?: Dataplane;
  readonly env?: Readonly<Record<string, string>>;
}

/** A container of the lab that runs. */
export interface LabContainer {
  readonly name: string;
  readonly host: string;
  /** IPv4, unless the network has none. */
  readonly address: string;
  readonly ipv6Address?: string;
  /** Of its first process, as the lab's machines see it. */
  readonly pid: number;
}

/** A cluster on this machine: hosts, an outside client, a router, an internet host, and what runs on them. */
export interface Lab {
  readonly name: string;
  readonly directory: string;
  /** `host-1` … */
  readonly hosts: readonly string[];
  /** All machines: the hosts, `client`, `router`, `internet`, and `etcd-1`… where etcd is a cluster. */
  readonly members: readonly string[];
  /** The containers' IPv4 network; `none` where there is IPv6 only. */
  readonly network: string;
  /** Changes with `useDataplane`. */
  readonly dataplane: Dataplane;
  /** URLs of etcd, separated by commas, reachable from every host. */
  readonly etcd: string;
  readonly api: Api;
  /** IPv4 address on the machine's first link. */
  addressOf(member: string): string;
  ipv6AddressOf(member: string): string;

  /** Runs a command on a machine. An exit code is a result, not an error; -1 when a signal ended it. */
  exec(member: string, argv: readonly string[], options?: ExecOptions): Promise<RunResult>;
  /** The same inside a container, by its runtime. */
  execInContainer(name: string, argv: readonly string[], options?: ExecOptions): Promise<RunResult>;
  /** Starts a long-running command on a machine; it is killed with the child, and with this process. */
  spawn(member: string, argv: readonly string[]): ChildProcessWithoutNullStreams;
  /** The command line for `exec`, to be run by anything on this machine. */
  enter(member: string, argv: readonly string[]): string[];
  /** svcctl on this machine, with this lab's controller as server. */
  svcctl(args: readonly string[], options?: ExecOptions): Promise<RunResult>;

  startController(): Promise<void>;
  stopController(how?: NodeJS.Signals): Promise<void>;
  /**
   * Only where the lab itself runs etcd (`etcd: 'external'` or `'cluster'`).
   *
   * @param machine the only member that is meant; absent: all
   */
  startEtcd(machine?: string): Promise<void>;
  stopEtcd(how?: NodeJS.Signals, machine?: string): Promise<void>;
  /** Starts it and returns; `ready` waits for its work. */
  startAgent(host: string, options?: AgentStart): Promise<void>;
  stopAgent(host: string, how?: NodeJS.Signals): Promise<void>;
  /** Restarts every agent with another dataplane, and waits until all is ready. */
  useDataplane(dataplane: Dataplane): Promise<void>;
  /**
   * Waits until every agent has reported since its start, with routes to all its peers, and every container serves.
   *
   * @throws CausewayError `timeout` naming what is lacking, `command-failed` when a daemon has ended
   */
  ready(timeoutMs?: number): Promise<void>;
  containers(): Promise<LabContainer[]>;
  /** Runs another web container, and waits until it serves. */
  addContainer(name: string, host: string): Promise<LabContainer>;

  /** What the host's kernel held before an agent first ran on it, and what it holds at this moment. */
  stateBefore(host: string): Promise<HostState>;
  stateOf(host: string): Promise<HostState>;

  /** Ends every process of the lab and removes its directory. Safe to repeat. */
  down(): Promise<void>;
}
