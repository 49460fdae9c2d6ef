import { type IncomingHttpHeaders, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Lab } from '@causeway/lab/lab';
import type { NodeReport } from '@causeway/shared/model/node';
import { expect, vi } from 'vitest';
import { revision } from '../support/etcd-keys.ts';
import { output } from '../support/lab.ts';

/** What a terminal or a log would obey instead of showing it. */
export const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e]/u;

/** What an attacker, a slip of the hand or a broken program could put where a name belongs. */
export const HOSTILE_NAMES = [
  'two words',
  'new\nline',
  'quo"te',
  "quo'te",
  'x;flush ruleset',
  '} table ip x {',
  '$(reboot)',
  '`id`',
  '../../etc/passwd',
  'red\u001b[31m',
  'ünï',
  'n'.repeat(300),
];

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

/** One request to the lab's controller, with a body as it is. */
export function rest(
  lab: Lab,
  method: string,
  path: string,
  body?: string,
  headers: Readonly<Record<string, string>> = { 'content-type': 'application/json' },
): Promise<Reply> {
  const socketPath = join(lab.directory, 'hosts/host-1/run/causeway/controller.sock');
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, method, path, headers, agent: false }, (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      incoming.on('end', () =>
        resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, text }),
      );
    });
    outgoing.on('error', reject).end(body);
  });
}

/** Every rule and every link, route and container of host-1, as far as they are anybody's wish. */
export async function kernel(lab: Lab): Promise<string> {
  const listing =
    lab.dataplane === 'nftables' ? 'nft -s list ruleset' : 'iptables-save -t nat; iptables-save';
  const script = `(${listing}) | grep -v '^#' | sed 's/\\[[0-9]*:[0-9]*\\]//'; ip -o link | cut -d: -f2; ip route; runc --root /run/causeway/runc list -q`;
  return output(lab, 'host-1', 'sh', '-c', script);
}

/** Makes the service that every test leaves alone. */
export async function exposeBase(lab: Lab): Promise<void> {
  const base = ['expose', '2.2.2.2:88', '--name', 'base', '--to', 'web-1:12345', '--node-port', '30001'];
  expect(await lab.svcctl([...base, '--wait'])).toMatchObject({ exitCode: 0 });
}

/** Its answers. */
export async function served(lab: Lab): Promise<string> {
  return output(lab, 'client', 'curl', '-sSm3', 'http://2.2.2.2:88/hello');
}

/** Waits until a host says something of all of these, in its report; of none, that it says nothing. */
export async function reported(
  lab: Lab,
  sentences: readonly string[],
  host = 'host-1',
): Promise<readonly string[]> {
  return vi.waitFor(
    async () => {
      const { text } = await rest(lab, 'GET', `/v1/nodes/${host}`);
      const problems = (JSON.parse(text) as { report?: NodeReport }).report?.problems ?? [];
      for (const sentence of sentences) expect(problems.join('\n')).toContain(sentence);
      if (sentences.length === 0) expect(problems).toEqual([]);
      return problems;
    },
    { timeout: 60_000, interval: 50 },
  );
}

/** Longer than a report of the network is held back, milliseconds. */
const QUIET_MS = 2_500;

/** Waits until what the start of the cluster brings has been written: reports of the network come late, on purpose. */
export async function quiet(lab: Lab): Promise<void> {
  for (let last: unknown; ; await sleep(QUIET_MS)) {
    const found = await revision(lab);
    if (found === last) return;
    last = found;
  }
}

/** Nobody writes anything to etcd or to the kernel while this runs. */
export async function changesNothing(lab: Lab, act: () => Promise<void>): Promise<void> {
  const before = [await revision(lab), await kernel(lab)];
  await act();
  expect([await revision(lab), await kernel(lab)]).toEqual(before);
}

/** All that a program says is one sentence, which no terminal obeys. */
export function expectSentence(stderr: string, says: string, program = 'svcctl'): void {
  expect(stderr).toContain(says);
  expect(stderr).toMatch(new RegExp(`^${program}: [^\\n]+\\n$`));
  expect(stderr.trimEnd()).not.toMatch(CONTROLS);
}

/** Programs take their time to start: a few at once. */
export async function inGroups<T>(cases: readonly T[], check: (one: T) => Promise<void>): Promise<void> {
  for (let at = 0; at < cases.length; at += 4) await Promise.all(cases.slice(at, at + 4).map(check));
}
