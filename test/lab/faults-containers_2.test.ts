import { describe, expect, it } from 'vitest';
import { planOf, svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { runContainer, viewOf } from '../support/seeds.ts';

/** What happens to agents, the controller and etcd while containers come and go: nothing is lost, and nothing is left over. */
const up = useLab({ name: 'fault-c', hosts: 2 });
const HOST = 'host-1';
const ROUNDS = 8;
const PATIENT = { timeout: 60_000, interval: 200 };

describe('an agent that is killed while containers come and go', () => {
  it('is followed by one that brings them all to what was asked for, and leaves nothing of those that are gone', async () => {
    const { lab } = up;
    const before = await tracesOf();
    for (let round = 0; round < ROUNDS; round++) {
      const name = `c${round}`;
      await svcctl(lab, 'run', name, '--host', HOST, '--', 'sleep', '1000000');
      if (round > 0) await lab.api.ask('DELETE', `/v1/containers/c${round - 1}?force=true`);
      // Anywhere between seeing the request and having done it.
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 400));
      await lab.stopAgent(HOST, 'SIGKILL');
      await lab.startAgent(HOST);
    }
    const last = `c${ROUNDS - 1}`;
    await expect.poll(async () => (await viewOf(lab, last)).status?.state, PATIENT).toBe('running');
    await lab.api.ask('DELETE', `/v1/containers/${last}?force=true`);
    await expect.poll(tracesOf, PATIENT).toBe(before);
    await expect.poll(() => planOf(lab, HOST), PATIENT).toBe('nothing to do');
    await expect.poll(async () => (await lab.svcctl(['ipam', 'check'])).exitCode, PATIENT).toBe(0);
  });
});

describe('the controller, etcd and the agent', () => {
  it('are gone: containers run on, and one that ends meanwhile is started when the agent is back', async () => {
    const { lab } = up;
    await runContainer(lab, 'kept', { host: HOST });
    const pid = (await viewOf(lab, 'kept')).status?.pid;
    await lab.stopAgent(HOST, 'SIGKILL');
    await lab.stopController('SIGKILL');
    await output(lab, HOST, 'kill', '-KILL', `${pid}`);
    await lab.startController();
    await lab.startAgent(HOST);
    await lab.ready();
    const again = async () => {
      const { status } = await viewOf(lab, 'kept');
      return status?.state === 'running' && status.pid !== pid;
    };
    await expect.poll(again, PATIENT).toBe(true);
  });

  it('a name is one container in the cluster, whichever host it is on', async () => {
    const taken = await up.lab.svcctl(['run', 'kept', '--host', 'host-2', '--', 'sleep', '1000000']);
    expect(taken.exitCode).toBe(4);
    expect(taken.stderr).toMatch(/kept.*host-1|host-1.*kept/s);
  });
});

/** Names of links, namespaces, bundles and mounts of containers on the host. */
function tracesOf(): Promise<string> {
  const looks = [
    'ip -br link | cut -d@ -f1 | cut -d" " -f1 | sort',
    'ls /run/netns /run/causeway/bundles /var/lib/causeway/roots | sort',
    'grep -c causeway- /proc/self/mounts',
  ];
  return output(up.lab, HOST, 'sh', '-c', looks.join('; '));
}
