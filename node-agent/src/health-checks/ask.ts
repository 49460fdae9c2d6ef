import { get as getHttp, type IncomingMessage, type RequestOptions } from 'node:http';
import { get as getHttps } from 'node:https';
import { connect } from 'node:net';
import { messageOf } from '@causeway/shared/errors';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { Question } from './questions.ts';
import type { Fault } from './verdict.ts';

/** Asks an endpoint once. Never throws; the signal ends it early. */
export type Ask = (question: Question, signal: AbortSignal) => Promise<Fault>;

const USER_AGENT = 'causeway-agent';
/** Longest part of what a command said that is repeated, characters. */
const SHOWN = 60;

/** Endpoints are asked at their own address, from the host's network namespace; whether a service leads there is no part of it. */
export function createAsk(runtime: Pick<ContainerRuntime, 'exec'>): Ask {
  return (question, signal) => {
    switch (question.check.type) {
      case 'tcp':
        return askTcp(question, signal);
      case 'http':
      case 'https':
        return askHttp(question, signal);
      case 'command':
        return askCommand(question, runtime, signal);
    }
  };
}

function askTcp({ endpoint, check }: Question, signal: AbortSignal): Promise<Fault> {
  const port = check.port ?? endpoint.port;
  const what = `connecting to port ${port}`;
  return inTime(what, check.timeoutMs, signal, (done) => {
    const socket = connect({ host: endpoint.address, port });
    socket.on('connect', () => done(undefined));
    socket.on('error', (error) => done(`${what}: ${codeOf(error)}`));
    return () => socket.destroy();
  });
}

function askHttp({ endpoint, check }: Question, signal: AbortSignal): Promise<Fault> {
  const { type, path = '/', timeoutMs } = check;
  const port = check.port ?? endpoint.port;
  const what = `${type.toUpperCase()} GET ${path} on port ${port}`;
  return inTime(what, timeoutMs, signal, (done) => {
    const options: RequestOptions = {
      ...{ host: endpoint.address, port, path, agent: false },
      // Others take lines that end in LF alone, too (busybox's httpd, CGI).
      insecureHTTPParser: true,
      headers: { 'user-agent': USER_AGENT, connection: 'close' },
    };
    const heard = ({ statusCode = 0 }: IncomingMessage) =>
      done(statusCode >= 200 && statusCode < 400 ? undefined : `${what}: it answered ${statusCode}`);
    // Whose certificate it is does not matter to whether it serves.
    const request =
      type === 'https' ? getHttps({ ...options, rejectUnauthorized: false }, heard) : getHttp(options, heard);
    request.on('error', (error) => done(`${what}: ${codeOf(error)}`));
    return () => request.destroy();
  });
}

async function askCommand(
  { container, check }: Question,
  runtime: Pick<ContainerRuntime, 'exec'>,
  signal: AbortSignal,
): Promise<Fault> {
  const { command = [], timeoutMs } = check;
  const what = `running ${command[0] ?? 'nothing'}`;
  if (container === undefined) return `${what}: the endpoint is no container of ours`;
  try {
    const { exitCode, said } = await runtime.exec(container, { command, timeoutMs, signal });
    if (exitCode === 0) return undefined;
    return `${what}: exit ${exitCode}${said === '' ? '' : `: ${said.slice(0, SHOWN)}`}`;
  } catch (error) {
    return `${what}: ${messageOf(error)}`;
  }
}

/** @param begin starts the question, which calls `done`; returns what ends it */
function inTime(
  what: string,
  timeoutMs: number,
  signal: AbortSignal,
  begin: (done: (fault: Fault) => void) => () => void,
): Promise<Fault> {
  return new Promise((resolve) => {
    let end = () => {};
    const done = (fault: Fault) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      resolve(fault);
      end();
    };
    const abort = () => done(`${what}: nobody wants to know any more`);
    signal.addEventListener('abort', abort);
    const timer = setTimeout(() => done(`${what}: no answer within ${timeoutMs} ms`), timeoutMs);
    end = begin(done);
  });
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
