import { performance } from 'node:perf_hooks';
import { rootCertificates } from 'node:tls';
import { Etcd3, type IOptions } from 'etcd3';
import { CausewayError } from '../errors.ts';
import { FLANNEL_PREFIX } from '../names.ts';
import { sendWithEveryCall, type Tokens, tokenKeeper, withFreshToken } from './etcd-auth.ts';
import { etcdError } from './etcd-errors.ts';
import { holdLease } from './etcd-lease.ts';
import { listPages } from './etcd-list.ts';
import { memberPolicies } from './etcd-members.ts';
import { etcdEndpoints } from './etcd-options.ts';
import { withPrefix } from './etcd-prefix.ts';
import { watchPrefix } from './etcd-watch.ts';
import { toCompare, toKeyValue, toRequest } from './etcd-wire.ts';
import type { LeaseHandle, Listing, Store, Watch } from './store.ts';

export interface EtcdStoreOptions {
  /** `http://127.0.0.1:2379`, one for each member that may be asked. */
  readonly endpoints: readonly string[];
  /** What flannel's `/coreos.com/network` is called in this etcd, without a slash at its end. */
  readonly prefix?: string;
  /** PEM. Without `ca`, the system's authorities count; `cert` and `key` come together. */
  readonly tls?: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer };
  readonly auth?: { readonly username: string; readonly password: string };
  /** Time limit of one call, milliseconds; default 5,000. */
  readonly callTimeoutMs?: number;
  /** Each watched prefix is listed again after this, milliseconds; default 5 minutes. */
  readonly relistMs?: number;
  /** First and longest pause before a broken watch is tried again, milliseconds; default 100 and 2,000. */
  readonly retryMinMs?: number;
  readonly retryMaxMs?: number;
}

const DEFAULTS = { callTimeoutMs: 5_000, relistMs: 300_000, retryMinMs: 100, retryMaxMs: 2_000 };

const GRPC_OPTIONS = {
  // etcd refuses pings more often than every 5 s, and any without a stream.
  'grpc.keepalive_time_ms': 6_000,
  'grpc.keepalive_timeout_ms': 3_000,
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.initial_reconnect_backoff_ms': 100,
  'grpc.min_reconnect_backoff_ms': 100,
  'grpc.max_reconnect_backoff_ms': 2_000,
  // etcd is never behind the proxy that a user's environment names for the web.
  'grpc.enable_http_proxy': 0,
};

/**
 * The one implementation of `Store`. Works before etcd does: calls reject within the time limit, watches try
 * again for ever.
 *
 * @throws CausewayError `invalid` when an endpoint is no address of an etcd.
 */
export function openEtcdStore(options: EtcdStoreOptions): Store {
  const settings = { ...DEFAULTS, ...options };
  const { client, tokens } = connect(options, settings.callTimeoutMs);
  const pinged = Buffer.from(`${options.prefix ?? FLANNEL_PREFIX}/config`);
  const where = settings.endpoints.join(',');
  const watches = new Set<Watch>();
  const leases = new Set<LeaseHandle>();
  let closed = false;

  async function call<T>(doing: string, ask: () => Promise<T>): Promise<T> {
    const told = `${doing} at etcd ${where}`;
    if (closed) throw new CausewayError('unreachable', `${told}: the store is closed`);
    try {
      return await withFreshToken(tokens, ask);
    } catch (error) {
      throw etcdError(told, error);
    }
  }

  const list = (prefix: string): Promise<Listing> =>
    listPages((page) => call(`listing ${prefix}`, () => client.kv.range(page)), prefix);

  const store: Store = {
    list,
    get: async (key) => {
      const reply = await call(`reading ${key}`, () => client.kv.range({ key: Buffer.from(key) }));
      const [kv] = reply.kvs;
      return kv === undefined ? undefined : toKeyValue(kv);
    },
    transaction: async (guards, writes) => {
      const request = { compare: guards.map(toCompare), success: writes.map(toRequest) };
      const what = writes.map((write) => ('put' in write ? write.put : write.delete)).join(', ');
      const reply = await call(`writing ${what}`, () => client.kv.txn(request));
      return { ok: reply.succeeded, revision: Number(reply.header.revision) };
    },
    grantLease: async (ttlSeconds) => {
      const askedAt = performance.now();
      const reply = await call(`granting a lease of ${ttlSeconds} s`, () =>
        client.leaseClient.leaseGrant({ TTL: ttlSeconds }),
      );
      const handle = holdLease(reply.ID, Number(reply.TTL), askedAt, {
        keepAliveOnce: (id, timeoutMs) =>
          call(`renewing lease ${id}`, () =>
            keepAliveOnce(client, id, Math.min(timeoutMs, settings.callTimeoutMs)),
          ),
        revoke: async (id) => {
          try {
            await call(`revoking lease ${id}`, () => client.leaseClient.leaseRevoke({ ID: id }));
          } catch (error) {
            if (!(error instanceof CausewayError && error.code === 'not-found')) throw error;
          }
        },
        now: () => performance.now(),
        ended: (ended) => leases.delete(ended),
      });
      leases.add(handle);
      return handle;
    },
    timeToLive: async (leaseId) => {
      const reply = await call(`asking for the time of lease ${leaseId}`, () =>
        client.leaseClient.leaseTimeToLive({ ID: leaseId }),
      );
      // An unknown lease has a time of -1; one that has run out, and is about to go, less than 1.
      const ttl = Number(reply.TTL);
      return ttl < 0 ? undefined : { ttl, granted: Number(reply.grantedTTL) };
    },
    watchPrefix: (prefix, listener) => {
      const watch = watchPrefix(
        {
          list,
          openStream: () => call(`watching ${prefix}`, () => client.watchClient.watch()),
          confirmMs: settings.callTimeoutMs,
          relistMs: settings.relistMs,
          retryMinMs: settings.retryMinMs,
          retryMaxMs: settings.retryMaxMs,
        },
        prefix,
        listener,
      );
      watches.add(watch);
      return {
        close: () => {
          watches.delete(watch);
          watch.close();
        },
      };
    },
    ping: async () => {
      try {
        // A linearizable read: only a member that has a quorum answers. Of a key that every user of ours may read.
        await call('asking', () => client.kv.range({ key: pinged, count_only: true }));
      } catch (error) {
        throw new CausewayError('unreachable', error instanceof Error ? error.message : String(error), {
          cause: error,
        });
      }
    },
    close: () => {
      if (closed) return;
      closed = true;
      for (const watch of watches) watch.close();
      for (const lease of [...leases]) lease.release();
      client.close();
    },
  };
  return options.prefix === undefined ? store : withPrefix(store, options.prefix);
}

/** The etcd3 client, whose pool its own methods do not show. */
class Client extends Etcd3 {
  constructor(options: IOptions, tokens?: Tokens) {
    super(options);
    sendWithEveryCall(this.pool, tokens);
  }
}

interface Connection {
  readonly client: Client;
  readonly tokens: Tokens | undefined;
}

function connect({ endpoints, tls, auth }: EtcdStoreOptions, callTimeoutMs: number): Connection {
  const hosts = [...etcdEndpoints(endpoints, tls !== undefined)];
  const options = (): IOptions => {
    const { member, all } = memberPolicies(hosts.length, () => performance.now(), callTimeoutMs);
    return {
      hosts,
      grpcOptions: GRPC_OPTIONS,
      defaultCallOptions: (context) => (context.isStream ? {} : { deadline: Date.now() + callTimeoutMs }),
      faultHandling: { host: member, global: all },
      ...(tls === undefined ? {} : { credentials: credentialsOf(tls) }),
    };
  };
  const tokens = auth === undefined ? undefined : tokenKeeper(() => login(new Client(options()), auth));
  return { client: new Client(options(), tokens), tokens };
}

function credentialsOf({ ca, cert, key }: NonNullable<EtcdStoreOptions['tls']>) {
  return {
    rootCertificate: ca ?? Buffer.from(rootCertificates.join('\n')),
    ...(cert === undefined || key === undefined ? {} : { certChain: cert, privateKey: key }),
  };
}

/** Trades the password for a token, by a client that is closed again. */
async function login(client: Client, { username, password }: NonNullable<EtcdStoreOptions['auth']>) {
  try {
    const { token } = await client.auth.authenticate({ name: username, password });
    return token;
  } finally {
    client.close();
  }
}

/** One renewal on a stream of its own, so that no stream's state outlives it. @returns the time to live in seconds */
async function keepAliveOnce(client: Etcd3, id: string, timeoutMs: number): Promise<number> {
  const stream = await client.leaseClient.leaseKeepAlive({ deadline: Date.now() + timeoutMs });
  return new Promise<number>((resolve, reject) => {
    stream.on('error', reject);
    stream.on('end', () => reject(new CausewayError('unreachable', `renewing lease ${id}: no answer`)));
    stream.on('data', (reply) => {
      resolve(Number(reply.TTL));
      stream.end();
    });
    stream.write({ ID: id });
  });
}
