import { request } from 'node:http';
import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { NodeReport } from '@causeway/shared/model/node';

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

/** A host as the REST API shows it. */
export interface NodeView {
  readonly name: string;
  readonly alive: boolean;
  readonly subnet?: string;
  readonly subnetIpv6?: string;
  readonly report?: NodeReport;
}
export type ContainerView = ContainerSpec & { readonly status?: ContainerStatus };

/** The lab's own client of the REST API: over the controller's unix socket, without a library. */
export interface Api {
  /** @throws CausewayError `unreachable` when the controller does not answer */
  ask(method: string, path: string, body?: unknown): Promise<Answer>;
  /** All items of a list. @throws CausewayError `unreachable` unless the controller answers with a list */
  list<T>(path: string): Promise<readonly T[]>;
}

/** Longest time that the controller may take for one answer, milliseconds. */
const TIMEOUT_MS = 10_000;

export function apiAt(socketPath: string): Api {
  const ask: Api['ask'] = (method, path, body) => exchange(socketPath, method, path, body);
  return {
    ask,
    list: async <T>(path: string) => {
      const { status, body } = await ask('GET', path);
      const items = (body as { readonly items?: readonly T[] } | undefined)?.items;
      if (status !== 200 || items === undefined)
        throw new CausewayError(
          'unreachable',
          `asking the controller for ${path}: ${status}: ${JSON.stringify(body)}`,
        );
      return items;
    },
  };
}

function exchange(socketPath: string, method: string, path: string, body: unknown): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const headers = text === undefined ? {} : { 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    const fail = (cause: Error) =>
      reject(
        new CausewayError('unreachable', `asking the controller for ${path}: ${cause.message}`, { cause }),
      );
    const outgoing = request({ socketPath, method, path, headers, timeout: TIMEOUT_MS, agent: false });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer after ${TIMEOUT_MS} ms`)));
    outgoing.on('error', fail);
    outgoing.on('response', (incoming) => {
      let received = '';
      incoming.setEncoding('utf8');
      incoming.on('data', (chunk: string) => {
        received += chunk;
      });
      incoming.on('error', fail);
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, body: parse(received) }));
    });
    outgoing.end(text);
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
