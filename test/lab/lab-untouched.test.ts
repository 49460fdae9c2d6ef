import { differences, type HostState, parseState, STATE_SCRIPT } from '@causeway/lab/host-state';
import { createLab } from '@causeway/lab/lab';
import { run } from '@causeway/shared/programs/run';
import { expect, it } from 'vitest';

/** What this machine itself holds, looked at without changing it. Rules can be listed by root only. */
async function machine(): Promise<HostState> {
  const { stdout } = await run('sh', ['-c', STATE_SCRIPT]);
  return parseState(stdout.replace(/(valid_lft|preferred_lft) \S+/g, ''));
}

it("leaves this machine's own links, addresses, routes, rules and sysctls alone, while it is up and after", async () => {
  const before = await machine();
  expect(before.links?.length).toBeGreaterThan(0);
  expect(before.sysctls?.length).toBeGreaterThan(100);
  const lab = await createLab({ name: 'test', hosts: 2 });
  try {
    const exposed = await lab.svcctl(['expose', '2.2.2.2:88', '--to', 'web-1:12345', '--wait']);
    expect(exposed.exitCode, exposed.stderr).toBe(0);
    expect(differences(before, await machine())).toEqual([]);
  } finally {
    await lab.down();
  }
  expect(differences(before, await machine())).toEqual([]);
});
