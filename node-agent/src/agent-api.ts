import { randomBytes } from 'node:crypto';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { AgentAddress } from '@causeway/shared/model/agent-api';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Store } from '@causeway/shared/store/store';
import type { Route } from './api/routes.ts';
import { type ApiServer, serveApi } from './api/server.ts';
import type { ApiAddress } from './config.ts';
import type { Logger } from './logger.ts';
import { createTurns } from './loop/turns.ts';

/** Where controllers and other agents reach this one, served and kept in etcd. */
export interface AgentApi {
  /** The host's address on the hosts' network may be another. */
  moved(address: string): void;
  /** What was written is gone, or may be: etcd is back, or the sign of life is on another lease. */
  again(): void;
  /** Looks in etcd whether the address is there as it was written, and writes it again if not. */
  verify(): void;
  /** A sentence while nobody can reach this agent. */
  problem(): string | undefined;
  /** Takes the address out of etcd, if etcd takes that at once, and ends what is under way. */
  stop(): Promise<void>;
}

export interface AgentApiDeps {
  readonly host: string;
  /** Absent: nothing is served. */
  readonly at: ApiAddress | undefined;
  /** The host's own address, as it is at the start. */
  readonly address: string;
  readonly routes: readonly Route[];
  readonly store: Store;
  /** What says that this host is alive; the address goes with it. */
  readonly liveness: () => LeaseHandle;
  /** That the sign of life is this agent's own: one that was paused must not speak for the one in its place. */
  readonly alive: Guard;
  readonly log: Logger;
  /** What `problem` says has changed. */
  readonly onProblem?: () => void;
}

const KEY_BYTES = 32;
const RETRY_MS = 1_000;
/** A stopping agent waits no longer than this for etcd, milliseconds. */
const LAST_WORD_MS = 500;

/** Serves the API, with a new key at each start; an address that cannot be had is tried again as long as it takes. */
export function createAgentApi(deps: AgentApiDeps): AgentApi {
  const { host, at, routes, store, liveness, alive, log } = deps;
  const key = randomBytes(KEY_BYTES).toString('hex');
  let address = at?.address ?? deps.address;
  let server: ApiServer | undefined;
  let written: { readonly value: string; readonly on: string } | undefined;
  let doubted = false;
  let problem: string | undefined;

  const turns = createTurns(async () => {
    if (at === undefined) return;
    try {
      if (server?.address !== address) await listen(at.port);
      await publish();
      tell(undefined);
    } catch (error) {
      // That etcd is away is told of etcd.
      const isServed = server !== undefined && isAway(error);
      tell(isServed ? undefined : `others do not reach this host's agent: ${messageOf(error)}`);
      turns.wake(RETRY_MS);
    }
  });
  async function listen(port: number): Promise<void> {
    await server?.close();
    server = undefined;
    server = await serveApi({ address, port, key, routes, log });
    log.info({ address, port: server.port }, 'the API for controllers and other agents is served');
  }
  async function publish(): Promise<void> {
    if (server === undefined) return;
    const lease = liveness();
    const value = encode({
      node: host,
      address: server.address,
      port: server.port,
      key,
    } satisfies AgentAddress);
    const isSaid = written?.value === value && written.on === lease.id;
    if (isSaid && !doubted) return;
    if (isSaid && (await isThere(value, lease))) return;
    // Until it has been seen to be written, it may not be.
    written = undefined;
    const { ok } = await store.transaction([alive], [{ put: keys.agent(host), value, lease }]);
    if (!ok) throw new Error("the sign of life in etcd is not this agent's");
    written = { value, on: lease.id };
  }
  async function isThere(value: string, lease: LeaseHandle): Promise<boolean> {
    const found = await store.get(keys.agent(host));
    doubted = false;
    return found?.value === value && found.leaseId === lease.id;
  }
  async function withdraw(): Promise<void> {
    if (written === undefined) return;
    const own: Guard = { key: keys.agent(host), value: written.value };
    await store.transaction([own], [{ delete: keys.agent(host) }]).catch(() => undefined);
  }
  function tell(text: string | undefined): void {
    if (text === problem) return;
    if (text !== undefined) log.warn({ reason: text }, 'the API is not to be reached');
    problem = text;
    deps.onProblem?.();
  }

  turns.wake();
  return {
    moved: (found) => {
      if (at === undefined || at.address !== undefined || found === address) return;
      address = found;
      turns.wake();
    },
    again: () => {
      written = undefined;
      turns.wake();
    },
    verify: () => {
      doubted = true;
      turns.wake();
    },
    problem: () => problem,
    stop: async () => {
      await turns.stop();
      const late = new Promise((resolve) => setTimeout(resolve, LAST_WORD_MS).unref());
      await Promise.race([withdraw(), late]);
      await server?.close();
    },
  };
}

function isAway(error: unknown): boolean {
  return error instanceof CausewayError && (error.code === 'unreachable' || error.code === 'timeout');
}
