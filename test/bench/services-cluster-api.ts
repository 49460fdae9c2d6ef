import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import type { Lab } from '@causeway/lab/lab';
import { SOCKET_IN_LAB } from '@causeway/lab/state';

/** The REST API over connections that stay open, as a program that makes many changes uses it. */
export interface Api {
  /** @throws Error unless the answer is a 2xx */
  ask(method: string, path: string, body?: unknown): Promise<{ readonly revision?: number }>;
  close(): void;
}

/** @param connections at most so many requests at a time */
export function openApi(lab: Lab, connections: number): Api {
  const socketPath = join(lab.directory, SOCKET_IN_LAB);
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    ask: async (method, path, body) => {
      const text = body === undefined ? '' : JSON.stringify(body);
      const headers = {
        'content-length': Buffer.byteLength(text),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      const call = request({ socketPath, method, path, headers, agent });
      call.end(text);
      const [reply] = await once(call, 'response');
      let received = '';
      reply.setEncoding('utf8').on('data', (chunk: string) => {
        received += chunk;
      });
      await once(reply, 'end');
      if (reply.statusCode >= 300) throw new Error(`${method} ${path}: ${reply.statusCode}: ${received}`);
      return JSON.parse(received);
    },
    close: () => agent.destroy(),
  };
}
