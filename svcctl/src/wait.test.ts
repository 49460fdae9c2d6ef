import { describe, expect, it } from 'vitest';
import { useClient } from './support/client.ts';
import { node } from './support/fake-controller.ts';
import { waitForHosts } from './wait.ts';

const up = useClient();
const { controller } = up;

function wait(revision: number, timeoutMs = 5_000) {
  const hosts: string[] = [];
  const notes: string[] = [];
  let clock = 100;
  const done = waitForHosts(up.client, {
    what: 'services',
    revision,
    timeoutMs,
    now: () => clock,
    onHost: (name, milliseconds) => hosts.push(`${name} ${milliseconds}`),
    onNote: (sentence) => notes.push(sentence),
  });
  return { done, hosts, notes, passes: (milliseconds: number) => (clock += milliseconds) };
}

describe('waiting for the hosts', () => {
  it('returns at once when all of them hold the revision', async () => {
    controller.list('/v1/nodes', [node('host-1', 7), node('host-2', 8)]);
    const { done, hosts } = wait(7);
    await done;
    expect(hosts).toEqual(['host-1 0', 'host-2 0']);
  });

  it('returns with the last of them, and says how long each took', async () => {
    controller.list('/v1/nodes', [node('host-1', 6), node('host-2', 7)]);
    const { done, hosts, passes } = wait(7);
    await controller.watched('/v1/nodes');
    passes(25);
    controller.send('/v1/nodes', 'modified', node('host-1', 7));
    await done;
    expect(hosts.at(-1)).toBe('host-1 25');
  });

  it('does not take a report of something older for an answer', async () => {
    controller.list('/v1/nodes', [node('host-1', 5)]);
    const { done, hosts } = wait(7, 100);
    await controller.watched('/v1/nodes');
    controller.send('/v1/nodes', 'modified', node('host-1', 6));
    await expect(done).rejects.toMatchObject({
      code: 'timeout',
      message:
        'waiting for every host to hold revision 7: not within 100 ms, still behind: host-1 (at revision 6)',
    });
    expect(hosts).toEqual([]);
  });

  it('counts a live host without a report as lagging', async () => {
    const { report: _report, ...silent } = node('host-2', 0);
    controller.list('/v1/nodes', [node('host-1', 7), silent]);
    await expect(wait(7, 500).done).rejects.toThrow('still behind: host-2 (no report)');
  });

  it('does not wait for the dead, and names them', async () => {
    controller.list('/v1/nodes', [node('host-1', 7), node('host-2', 1, { alive: false })]);
    const { done, hosts, notes } = wait(7);
    await done;
    expect(hosts).toEqual(['host-1 0']);
    expect(notes).toEqual(['not waited for, because not alive: host-2']);
  });

  it('stops waiting for a host that dies or goes meanwhile', async () => {
    controller.list('/v1/nodes', [node('host-1', 7), node('host-2', 1), node('host-3', 1)]);
    const { done } = wait(7);
    await controller.watched('/v1/nodes');
    controller.send('/v1/nodes', 'modified', node('host-2', 1, { alive: false }));
    controller.send('/v1/nodes', 'deleted', node('host-3', 1));
    await done;
  });

  it('is no success when nobody is alive', async () => {
    controller.list('/v1/nodes', []);
    await expect(wait(7).done).rejects.toMatchObject({ code: 'degraded' });
  });

  it('goes on when the controller restarts meanwhile', async () => {
    let asked = 0;
    controller.on(() => {
      if (++asked > 1) return { body: { items: [node('host-1', 7)], revision: 2 } };
      setImmediate(() => controller.cutStreams());
      return { body: { items: [node('host-1', 6)], revision: 1 } };
    });
    const { done, hosts, notes } = wait(7);
    await done;
    expect(hosts).toEqual(['host-1 0']);
    expect(notes[0]).toContain('the connection ended');
  });

  it('fails at once when there is nobody to ask', async () => {
    await controller.stop();
    await expect(wait(7).done).rejects.toMatchObject({ code: 'unreachable' });
  });
});
