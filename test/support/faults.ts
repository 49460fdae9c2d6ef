import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NodeView } from '@causeway/lab/api';
import type { Lab } from '@causeway/lab/lab';
import { enter } from '@causeway/lab/namespaces';
import { liveLab } from '@causeway/lab/state';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { NodeEvent } from '@causeway/shared/model/event';
import { AGENT_PORT } from '@causeway/shared/names';
import { run } from '@causeway/shared/programs/run';
import { keys } from '@causeway/shared/store/keys';
import { expect } from 'vitest';
import { listEach } from './etcd-keys.ts';

/** What svcctl says on stdout; fails the test when svcctl fails. */
export async function svcctl(lab: Lab, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.svcctl(args);
  expect(exitCode, `svcctl ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

/** What an agent would do on the host at this moment; `nothing to do` when its kernel is as the model. */
export async function planOf(lab: Lab, host: string, dataplane = lab.dataplane): Promise<string> {
  const argv = ['causeway-agent', 'plan', '--etcd', lab.etcd, '--dataplane', dataplane];
  const { stdout, stderr } = await lab.exec(host, argv, { timeoutMs: 100_000 });
  return (stdout + stderr).trim();
}

/** All lines of a dataplane's rules that name something of ours; empty when there are none. */
export async function rulesOf(lab: Lab, host: string, dataplane: Dataplane): Promise<string> {
  const list = { nftables: 'nft list table ip causeway', iptables: 'iptables-save; iptables-legacy-save' };
  const { stdout } = await lab.exec(host, ['sh', '-c', `{ ${list[dataplane]}; } 2>/dev/null`]);
  const ours = dataplane === 'nftables' ? /./ : /CWY-/;
  return stdout
    .split('\n')
    .filter((line) => ours.test(line))
    .join('\n');
}

/** The pages of the host's own agent: status code and text of `/readyz?verbose`. */
export async function readyz(
  lab: Lab,
  host: string,
): Promise<{ readonly code: number; readonly text: string }> {
  const url = `http://127.0.0.1:${AGENT_PORT}/readyz?verbose`;
  const { stdout } = await lab.exec(host, ['curl', '-sm3', '-w', '\n%{http_code}', url]);
  const [, text = '', code = '0'] = /^([\s\S]*)\n(\d+)$/.exec(stdout) ?? [];
  return { code: Number(code), text };
}

/** The whole story of one host, for `expect.poll`: what its agent says, and what svcctl says of it. */
export async function told(lab: Lab, host: string) {
  const [page, status] = await Promise.all([readyz(lab, host), lab.svcctl(['status'])]);
  return { ...page, exitCode: status.exitCode, stdout: status.stdout, stderr: status.stderr };
}

/** Kinds of all events of a host, the oldest first, from `svcctl events`. */
export async function eventsOf(lab: Lab, host: string): Promise<readonly NodeEvent[]> {
  const events = await lab.api.list<NodeEvent>('/v1/events');
  return events.filter(({ node }) => node === host).sort((a, b) => a.sequence - b.sequence);
}

/**
 * Loses every packet between two groups of machines, on the switch: neither side is told anything.
 *
 * @returns what mends it
 */
export async function cut(
  lab: Lab,
  some: readonly string[],
  others: readonly string[],
): Promise<() => Promise<void>> {
  const set = (members: readonly string[]) => `{ ${members.map((each) => lab.addressOf(each)).join(', ')} }`;
  const table = `cut${cuts++}`;
  const rules = `table bridge ${table} {
    chain forward {
      type filter hook forward priority 0
      ip saddr ${set(some)} ip daddr ${set(others)} drop
      ip saddr ${set(others)} ip daddr ${set(some)} drop
    }
  }`;
  await onSwitch(lab, ['nft', rules]);
  return () => onSwitch(lab, ['nft', 'delete', 'table', 'bridge', table]);
}

let cuts = 0;

async function onSwitch(lab: Lab, argv: readonly string[]): Promise<void> {
  const [nsenter = '', ...args] = enter(liveLab(lab.name)?.state.initPid ?? 0, argv);
  await run(nsenter, args);
}

/** A host whose agents see another time than the machine: what `startAgent` needs, and how to set it. */
export function clockOf(
  lab: Lab,
  host: string,
): { readonly env: Record<string, string>; set(offsetMs: number): void } {
  const home = join(lab.directory, 'hosts', host);
  copyFileSync(new URL('clock.mjs', import.meta.url), join(home, 'clock.mjs'));
  const LAB_CLOCK = join(home, 'clock');
  return {
    env: { NODE_OPTIONS: `--import=${join(home, 'clock.mjs')}`, LAB_CLOCK },
    set: (offsetMs) => writeFileSync(LAB_CLOCK, String(offsetMs)),
  };
}

/**
 * Whether etcd is as it must be whatever happened: no subnet with two owners, and no claim that nobody leases.
 *
 * @returns one sentence for each fault
 */
export async function leaseFaults(lab: Lab): Promise<string[]> {
  const [leases = [], claims = []] = await listEach(lab, keys.subnetPrefix, keys.claimPrefix);
  const owners = new Map<string, Set<string>>();
  for (const { key, value } of leases) {
    const { CausewayNode } = JSON.parse(value) as { CausewayNode?: { id: string } };
    for (const subnet of key.slice(keys.subnetPrefix.length).split('&')) {
      if (subnet === '0.0.0.0-0') continue;
      owners.set(subnet, (owners.get(subnet) ?? new Set()).add(CausewayNode?.id ?? key));
    }
  }
  const leaked = claims.filter(({ key }) => !owners.has(key.slice(keys.claimPrefix.length)));
  for (const { key, value } of claims) owners.get(key.slice(keys.claimPrefix.length))?.add(value);
  const doubled = [...owners].filter(([, by]) => by.size > 1);
  return [
    ...doubled.map(([subnet, by]) => `${subnet} belongs to ${[...by].join(' and ')}`),
    ...leaked.map(({ key }) => `${key} is claimed and not leased`),
  ];
}

/** The subnets of all hosts, as one text: equal means that nobody moved. */
export async function subnetsOf(lab: Lab): Promise<string> {
  const nodes = await lab.api.list<NodeView>('/v1/nodes');
  const lines = nodes.map(({ name, subnet, subnetIpv6 }) =>
    `${name} ${subnet ?? ''} ${subnetIpv6 ?? ''}`.trim(),
  );
  return lines.sort().join('\n');
}
