import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hostFiles } from './host-files.ts';
import { takeLock } from './lock.ts';

describe('on disk', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'causeway-agent-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  it('a host’s id is made once and stays, over a subnet and a removal that keeps it', async () => {
    const files = hostFiles(join(directory, 'state'), directory);
    expect(await files.knownNodeId()).toBeUndefined();
    const id = await files.nodeId();
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    const both = { ipv4: '10.10.1.0/24', ipv6: 'fd00:10:0:1::/64' };
    await files.rememberSubnets(both);
    await files.remove(true);
    const again = hostFiles(join(directory, 'state'), directory);
    expect(await again.nodeId()).toBe(id);
    expect(await again.lastSubnets()).toEqual(both);
    await again.remove(false);
    expect([await again.knownNodeId(), await again.lastSubnets()]).toEqual([undefined, {}]);
  });

  it.each(['two words', 'a\nb', '\u001b[31m', 'x'.repeat(129)])('%j is no id', async (text) => {
    await writeFile(join(directory, 'node-id'), `${text}\n`);
    const files = hostFiles(directory, directory);
    const sentence = /^reading this host's id from \S+\/node-id: "[^\n]+ is no id [^\n]+$/;
    await expect(files.nodeId()).rejects.toThrow(sentence);
    expect(await files.knownNodeId()).toBeUndefined();
  });

  it('what a killed agent was writing goes with its directories', async () => {
    const state = join(directory, 'killed');
    await mkdir(state);
    for (const name of ['subnet.json.tmp', 'agent.lock.4707']) await writeFile(join(state, name), '{');
    await hostFiles(state, join(directory, 'no-such')).removeDirectories();
    expect(existsSync(state)).toBe(false);
  });

  it('one agent holds the lock, until it gives it back', async () => {
    const unlock = await takeLock(directory);
    await expect(takeLock(directory)).rejects.toThrow(
      `an agent is running on this host already (process ${process.pid})`,
    );
    await unlock();
    await (await takeLock(directory))();
  });

  it.each(['', '999999999 1', `${process.pid} 1`, 'nonsense'])(
    'a lock that a crash left behind holds nobody up: %j',
    async (left) => {
      await writeFile(join(directory, 'agent.lock'), left);
      const unlock = await takeLock(directory);
      expect(await readFile(join(directory, 'agent.lock'), 'utf8')).toMatch(
        new RegExp(`^${process.pid} \\d+$`),
      );
      await unlock();
    },
  );

  it('of many that want a stale lock, one gets it', async () => {
    await writeFile(join(directory, 'agent.lock'), '999999999 1');
    const tries = await Promise.allSettled(Array.from({ length: 8 }, () => takeLock(directory)));
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
