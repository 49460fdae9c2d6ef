import { setTimeout as pause } from 'node:timers/promises';
import { differences } from '@causeway/lab/host-state';
import { keys } from '@causeway/shared/store/keys';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { list } from '../support/etcd-keys.ts';
import { leaseFaults, planOf, readyz } from '../support/faults.ts';
import { type Flows, ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';

/** Agents that are killed while they join, 200 times in all, each at another moment. */
const up = useLab({ name: 'net-join', hosts: 8 });
const KILLS_PER_HOST = 25;
/** After every so many of them the host is cleaned up, so that it joins as a new one. */
const CLEAN_EVERY = 4;
/** How often etcd is looked at meanwhile, milliseconds. */
const LOOK_MS = 100;

describe('an agent that is killed again and again while it joins', () => {
  /** How long it takes until all agents that start at once have joined, milliseconds. */
  let joinMs: number;

  beforeAll(async () => {
    const { lab } = up;
    await Promise.all(lab.hosts.map((host) => lab.stopAgent(host, 'SIGKILL')));
    const started = performance.now();
    await Promise.all(lab.hosts.map((host) => lab.startAgent(host)));
    await lab.ready();
    joinMs = performance.now() - started;
  });

  it(`shares no subnet with another one and leaves nothing behind, ${8 * KILLS_PER_HOST} times`, async () => {
    const { lab } = up;
    const faults: string[] = [];
    const watching = { on: true };
    const watch = async () => {
      while (watching.on) {
        faults.push(...(await leaseFaults(lab)));
        await pause(LOOK_MS);
      }
    };
    const watched = watch();
    try {
      await Promise.all(lab.hosts.map((host, k) => killOften(host, k)));
    } finally {
      watching.on = false;
      await watched;
    }
    expect(faults).toEqual([]);
    await Promise.all(lab.hosts.map((host) => lab.startAgent(host)));
    await lab.ready(60_000);
    expect(await leaseFaults(lab)).toEqual([]);
    expect(await list(lab, keys.subnetPrefix)).toHaveLength(lab.hosts.length);
    for (const host of lab.hosts) {
      await expect.poll(() => readyz(lab, host), { timeout: 60_000 }).toMatchObject({ code: 200 });
      expect(await planOf(lab, host)).toBe('nothing to do');
    }
  }, 400_000);

  async function cleanUp(host: string): Promise<void> {
    const argv = ['causeway-agent', 'cleanup', '--etcd', up.lab.etcd];
    expect(await up.lab.exec(host, argv, { timeoutMs: 120_000 })).toMatchObject({ exitCode: 0, stderr: '' });
  }

  async function killOften(host: string, k: number): Promise<void> {
    const { lab } = up;
    for (let i = 1; i <= KILLS_PER_HOST; i++) {
      await lab.stopAgent(host, 'SIGKILL');
      if (i % CLEAN_EVERY === k % CLEAN_EVERY) await cleanUp(host);
      await lab.startAgent(host);
      // The moment is what the test is about: spread over the whole time that joining takes.
      await pause((joinMs * ((i * 7 + k * 3) % KILLS_PER_HOST)) / KILLS_PER_HOST);
    }
    await lab.stopAgent(host, 'SIGKILL');
  }

  describe('and is well in the end', () => {
    let flows: Flows;
    afterAll(() => flows.stop());

    it('carries traffic', async () => {
      flows = startFlows(up.lab, ringOf(await up.lab.containers()).slice(0, 3));
      await flows.goOn();
    });

    it('leaves no trace in the kernel, on the disk and in etcd when it is cleaned up', async () => {
      const { lab } = up;
      flows.stop();
      const files =
        'find /run/causeway /run/flannel /var/lib/causeway -mindepth 1 2>/dev/null | grep -v /etcd; true';
      for (const host of lab.hosts.slice(1)) {
        await lab.stopAgent(host);
        await cleanUp(host);
        expect(differences(await lab.stateBefore(host), await lab.stateOf(host))).toEqual([]);
        expect(await output(lab, host, 'sh', '-c', files)).toBe('');
      }
      for (const prefix of [keys.subnetPrefix, keys.claimPrefix, keys.nodePrefix, keys.alivePrefix])
        expect(await list(lab, prefix)).toHaveLength(1);
    });
  });
});
