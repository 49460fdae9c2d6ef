import type { Lab } from '@causeway/lab/lab';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { expect } from 'vitest';

/** What svcctl says on stdout; fails the test when svcctl fails. */
export async function svcctl(lab: Lab, ...args: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.svcctl(args);
  expect(exitCode, `svcctl ${args.join(' ')}: ${stderr}`).toBe(0);
  return stdout;
}

/** What an agent would do on the host at this moment; `nothing to do` when its kernel is as the model. */
export async function planOf(lab: Lab, host: string): Promise<string> {
  const argv = ['causeway-agent', 'plan', '--etcd', lab.etcd, '--dataplane', lab.dataplane];
  const { stdout, stderr } = await lab.exec(host, argv);
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
