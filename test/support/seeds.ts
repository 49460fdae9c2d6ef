import type { Lab } from '@causeway/lab/lab';
import { expect } from 'vitest';
import { svcctl } from './faults.ts';
import { output } from './lab.ts';

/** Time for what svcctl waits for, in a busy lab. */
const WAIT = ['--wait', '--timeout', '60s'];

/** A container as `svcctl run` starts it, from any machine that reaches the controller. */
export interface Asked {
  readonly host: string;
  /** What stands before `--`. */
  readonly flags?: readonly string[];
  readonly command?: readonly string[];
}

/** Runs a container, and waits until it does. @returns its IPv4 address; empty where its mode gives it none */
export async function runContainer(lab: Lab, name: string, asked: Asked): Promise<string> {
  const { host, flags = [], command = ['sleep', '1000000'] } = asked;
  await svcctl(lab, 'run', name, '--host', host, ...flags, ...WAIT, '--', ...command);
  return addressOf(lab, name);
}

/** A container whose web server says its name on this port. */
export async function runWeb(
  lab: Lab,
  name: string,
  host: string,
  port: number,
  ...flags: readonly string[]
) {
  const serve = `mkdir -p /srv; echo hello from ${name} >/srv/hello; exec httpd -f -p ${port} -h /srv`;
  return runContainer(lab, name, { host, flags, command: ['sh', '-c', serve] });
}

/** Removes containers, running or not, and waits until they are gone from their hosts. */
export async function removeContainers(lab: Lab, ...names: readonly string[]): Promise<void> {
  for (const name of names) await lab.svcctl(['rm', name, '--force']);
}

export async function addressOf(lab: Lab, name: string): Promise<string> {
  const { status } = await viewOf(lab, name);
  return status?.address ?? '';
}

interface View {
  readonly host: string;
  readonly status?: {
    readonly state: string;
    readonly address?: string;
    readonly pid?: number;
    readonly reason?: string;
    readonly exitCode?: number;
    readonly restarts?: number;
  };
}

export async function viewOf(lab: Lab, name: string): Promise<View> {
  const { status, body } = await lab.api.ask('GET', `/v1/containers/${name}`);
  expect(status, `asking for ${name}: ${JSON.stringify(body)}`).toBe(200);
  return body as View;
}

/** What a command says inside a container, asked through the controller. */
export async function inside(lab: Lab, name: string, ...argv: readonly string[]): Promise<string> {
  return (await svcctl(lab, 'exec', name, '--', ...argv)).trim();
}

/** A program of the host in the network namespace of a process: containers have busybox alone. */
export async function inNetworkOf(lab: Lab, name: string, ...argv: readonly string[]): Promise<string> {
  const { host, status } = await viewOf(lab, name);
  return output(lab, host, 'nsenter', '-t', `${status?.pid}`, '-n', ...argv);
}

/** Whether one of two echo requests from inside a container is answered. */
export async function pings(lab: Lab, name: string, address: string): Promise<boolean> {
  const { host, status } = await viewOf(lab, name);
  const ping = ['nsenter', '-t', `${status?.pid}`, '-n', 'ping', '-n', '-c2', '-i0.2', '-W2', address];
  return (await lab.exec(host, ping)).exitCode === 0;
}

/** What curl says there; `refused`, `silence`, or its exit code where nothing came. */
export async function fetches(lab: Lab, where: string, url: string): Promise<string> {
  const curl = ['curl', '-sS', '-m', '3', url];
  const { exitCode, stdout } = lab.members.includes(where)
    ? await lab.exec(where, curl)
    : await lab.exec((await viewOf(lab, where)).host, [
        ...['nsenter', '-t', `${(await viewOf(lab, where)).status?.pid}`, '-n'],
        ...curl,
      ]);
  if (exitCode === 0) return stdout.trim();
  return { 7: 'refused', 28: 'silence' }[exitCode] ?? `curl exit ${exitCode}`;
}
