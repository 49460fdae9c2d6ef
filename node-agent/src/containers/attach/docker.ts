import { request } from 'node:http';
import { CausewayError, messageOf } from '@causeway/shared/errors';

/** What an engine says of one of its containers. */
export interface Task {
  /** Its first process, in this host's numbers; absent: it does not run. */
  readonly pid?: number;
}

/** A local engine that does not answer in this time is taken for stuck, milliseconds. */
const PATIENCE_MS = 5_000;
/** Far more than a container's description has, bytes. */
const LONGEST_ANSWER = 4 * 1024 * 1024;

/**
 * Asks a Docker engine for a container, by its Unix socket.
 *
 * @param id name, or the beginning of its id
 * @throws CausewayError `not-found` when there is none, `unreachable` when the engine does not answer
 */
export async function dockerTask(socket: string, id: string): Promise<Task> {
  const { status, body } = await get(socket, `/containers/${encodeURIComponent(id)}/json`);
  if (status === 404) throw new CausewayError('not-found', `Docker has no container ${id}`);
  if (status !== 200) throw unreachable(socket, `it answered with status ${status}`);
  const state = stateIn(body);
  if (state === undefined) throw unreachable(socket, 'its answer cannot be read');
  return state.Running === true && typeof state.Pid === 'number' && state.Pid > 0 ? { pid: state.Pid } : {};
}

interface State {
  readonly Running?: unknown;
  readonly Pid?: unknown;
}

function stateIn(body: string): State | undefined {
  try {
    const answer = JSON.parse(body) as { readonly State?: unknown } | null;
    const state = answer?.State;
    return typeof state === 'object' && state !== null ? state : undefined;
  } catch {
    return undefined;
  }
}

function get(socketPath: string, path: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown) => reject(unreachable(socketPath, reasonOf(error)));
    const asked = request({ socketPath, path, agent: false, headers: { host: 'docker' } }, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
        if (body.length > LONGEST_ANSWER) asked.destroy(new Error('its answer does not end'));
      });
      response.on('error', fail);
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }));
    });
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    asked.on('error', fail);
    asked.end();
  });
}

/** Why nobody answers at a socket, as people can do something about it. */
function reasonOf(error: unknown): string {
  switch ((error as NodeJS.ErrnoException).code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return 'there is no such socket: Docker is not installed on this host, or not started';
    case 'ECONNREFUSED':
      return 'nobody listens there: Docker is not started on this host';
    case 'EACCES':
      return 'this agent may not use that socket';
    default:
      return messageOf(error);
  }
}

function unreachable(socket: string, reason: string): CausewayError {
  return new CausewayError('unreachable', `asking Docker at ${socket}: ${reason}`);
}
