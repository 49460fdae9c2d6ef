import type { IncomingMessage } from 'node:http';
import type { Duplex, Readable } from 'node:stream';

/** What somebody who has this agent's key asks of it. */
export interface Call {
  /** The named parts of the path, decoded: `:name`. Whoever asks may write anything there. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** With its body, to be read as a stream; see `textOf` of the client for short ones. */
  readonly request: IncomingMessage;
  /** Aborted when the caller has gone, or the agent stops. */
  readonly signal: AbortSignal;
}

/** A stream is sent as fast as it is read; its failure breaks the connection, which the caller sees. */
export type Answer =
  | { readonly json: unknown }
  | {
      readonly stream: Readable;
      /** Content-Type. */
      readonly type: string;
      readonly headers?: Readonly<Record<string, string>>;
    };

/** A handler's CausewayErrors are told as they are; of others only that something failed. */
export type Route = RequestRoute | UpgradeRoute;

export interface RequestRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** `/v1/containers/:name/log` */
  readonly path: string;
  readonly handle: (call: Call) => Promise<Answer>;
}

export interface UpgradeRoute {
  readonly method: 'UPGRADE';
  readonly path: string;
  /** Answers 101 itself; an error thrown before that is told to the caller. */
  readonly handle: (call: Call, socket: Duplex, head: Buffer) => Promise<void>;
}

export interface Found<R extends Route> {
  readonly route: R;
  readonly params: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
}

/** PURE. @param url the path with its query, as asked for @returns undefined where nothing is */
export function findRoute<R extends Route>(
  routes: readonly R[],
  method: Route['method'],
  url: string,
): Found<R> | undefined {
  const [path = '', query = ''] = url.split('?', 2);
  const parts = decoded(path);
  if (parts === undefined) return undefined;
  for (const route of routes) {
    const params = route.method === method ? match(route.path.split('/'), parts) : undefined;
    if (params !== undefined) return { route, params, query: new URLSearchParams(query) };
  }
  return undefined;
}

function decoded(path: string): readonly string[] | undefined {
  try {
    return path.split('/').map(decodeURIComponent);
  } catch {
    return undefined;
  }
}

function match(
  pattern: readonly string[],
  parts: readonly string[],
): Readonly<Record<string, string>> | undefined {
  if (pattern.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [at, wanted] of pattern.entries()) {
    const part = parts[at] ?? '';
    if (wanted.startsWith(':')) params[wanted.slice(1)] = part;
    else if (wanted !== part) return undefined;
  }
  return params;
}
