import { readdir, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { hostLinkOf } from '../../node-agent/src/containers/places.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import type { Call } from './containers-driver.ts';
import { IPV4, IPV4_BRIDGE, useContainerWorld, web } from './containers-world.ts';

/** Real runc, real namespaces: everything happens inside user namespaces of the current user. */
const world = useContainerWorld(IPV4_BRIDGE);
/** Links, namespaces and mounts before the runtime touched anything. */
let untouched: string;
/** Of the agent. */
let dir: string;

beforeEach(async () => {
  ({ dir } = world);
  untouched = await traces();
});

/** Runs calls as one agent's life; the next `agent` is the agent restarted. */
async function agent(...calls: Call[]): Promise<unknown[]> {
  return (await world.agent(IPV4, ...calls)).answers;
}

const reconcile = (...specs: ContainerSpec[]) => world.reconcile(IPV4, ...specs);
const inside = (name: string, ...command: string[]) => world.inside(name, ...command);
const traces = () => world.traces();

describe('containers on a host', () => {
  it('ping each other and serve, each as itself', async () => {
    const made = await reconcile(web('web-1'), web('web-2'));
    expect(made).toMatchObject([
      { name: 'web-1', host: 'host-1', state: 'running', address: '10.10.1.2' },
      { name: 'web-2', host: 'host-1', state: 'running', address: '10.10.1.3' },
    ]);
    expect(await inside('web-1', 'ping', '-c', '1', '-W', '2', '10.10.1.3')).toContain('1 packets received');
    expect(await inside('web-1', 'wget', '-qO-', 'http://10.10.1.3:12345/hello')).toBe('hello from web-2\n');
    expect(await inside('web-2', 'wget', '-qO-', 'http://10.10.1.2:12345/cgi-bin/peer')).toBe('10.10.1.3');
    expect(await inside('web-1', 'hostname')).toBe('web-1\n');
    expect(await inside('web-1', 'ip', '-o', 'link', 'show', 'eth0')).toContain('mtu 1450');
    expect(await world.sh(`ip -d link show ${hostLinkOf('web-1')}`)).toContain('hairpin on');
  });

  it('are processes apart: own pids, a root that nobody else sees, own network', async () => {
    await reconcile(web('web-1'), web('web-2'));
    expect((await inside('web-1', 'ps', '-o', 'pid,args')).split('\n')[1]?.trim()).toMatch(/^1 httpd/);
    await inside('web-1', 'sh', '-c', 'rm /bin/ls; touch /www/x /tmp/x');
    expect(await inside('web-2', 'sh', '-c', 'ls /tmp /www')).toBe('/tmp:\n\n/www:\ncgi-bin\nhello\n');
    await expect(inside('web-1', 'ip', 'link', 'set', 'eth0', 'down')).rejects.toThrow(/not permitted/);
    expect(await inside('web-1', 'grep', 'NoNewPrivs', '/proc/1/status')).toContain('1');
    const namespaces = 'for kind in net mnt pid uts ipc; do readlink /proc/self/ns/$kind; done';
    const mine = (await world.sh(namespaces)).split('\n');
    const theirs = (await inside('web-1', 'sh', '-c', namespaces)).split('\n');
    expect(theirs).toHaveLength(6);
    expect(theirs.filter((one) => one !== '' && mine.includes(one))).toEqual([]);
  });

  it('are left alone by a second pass and by an agent restarted', async () => {
    const first = await reconcile(web('web-1'), web('web-2'));
    const before = await traces();
    const [plan, again] = await agent(
      { plan: [web('web-1'), web('web-2')] },
      { reconcile: [web('web-1'), web('web-2')] },
    );
    expect(plan).toEqual([]);
    expect(again).toEqual(first);
    expect(await traces()).toBe(before);
  });

  it('are started again with the same address when their process is killed', async () => {
    const [first] = await reconcile(web('web-0'), web('web-1')).then((all) => all.slice(1));
    const [, needed, again] = await agent(
      { reconcile: [web('web-0'), web('web-1')] },
      { killAndWait: first?.pid ?? 0 },
      { reconcile: [web('web-0'), web('web-1')] },
    );
    expect(needed).toBe('needed');
    expect(again).toMatchObject([{}, { state: 'running', address: '10.10.1.3' }]);
    expect((again as ContainerStatus[])[1]?.pid).not.toBe(first?.pid);
    expect(await inside('web-0', 'wget', '-qO-', 'http://10.10.1.3:12345/hello')).toContain('web-1');
  });

  it('are made anew when their definition changes, and keep their address', async () => {
    const [, first] = await reconcile(web('a'), web('b'));
    const [, second] = await reconcile(web('a'), web('b', { '/www/new': 'new\n' }));
    expect(second).toMatchObject({ state: 'running', address: '10.10.1.3' });
    expect(second?.pid).not.toBe(first?.pid);
    expect(await inside('a', 'wget', '-qO-', 'http://10.10.1.3:12345/new')).toBe('new\n');
  });

  it('get a link back that was deleted, a bridge that was made anew, a name that was taken away', async () => {
    const [first] = await reconcile(web('web-1'));
    const breakages = [
      `ip link delete ${hostLinkOf('web-1')}`,
      `ip link delete cwy0; ${IPV4_BRIDGE}`,
      `ip link set ${hostLinkOf('web-1')} down`,
      'ip netns delete cwy-web-1',
      `ip netns delete cwy-web-1; ip netns add cwy-web-1; ip link delete ${hostLinkOf('web-1')}`,
      'ip netns delete cwy-web-1; touch /run/netns/cwy-web-1',
    ];
    for (const breakage of breakages) {
      await world.sh(breakage);
      expect(await reconcile(web('web-1')), breakage).toEqual([first]);
      expect(await world.sh('ping -c 1 -W 2 10.10.1.2'), breakage).toContain('1 received');
      expect((await agent({ plan: [web('web-1')] }))[0], breakage).toEqual([]);
      expect(await world.sh('ip -n cwy-web-1 -o link show eth0'), breakage).toContain('eth0');
    }
  });

  it('fail alone: one that cannot start stops no other, and is not tried at once again', async () => {
    const bad = { ...web('bad'), command: ['no-such-program'] };
    const [first, second] = (await agent(
      { reconcile: [bad, web('good'), { ...web('x'), name: '../x' }] },
      { reconcile: [bad, web('good')] },
    )) as ContainerStatus[][];
    expect(first).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('no-such-program') },
      { state: 'running' },
      { name: '../x', state: 'failed', reason: expect.stringContaining('name "../x"') },
    ]);
    expect(second).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('next start in') },
      { state: 'running' },
    ]);
  });

  it('that end by themselves are waited with, and then started again', async () => {
    const short = [{ ...web('short'), command: ['sh', '-c', 'echo again; sleep 1'] }];
    const answers = await agent(
      ...[{ reconcile: short }, { waitForNeed: true } as const, { reconcile: short }],
      ...[{ waitForNeed: true } as const, { reconcile: short }],
    );
    expect(answers[2]).toMatchObject([
      { state: 'failed', reason: expect.stringContaining('next start in 1 s') },
    ]);
    const log = () => readFile(`${dir}/lib/containers/short.log`, 'utf8');
    await expect.poll(log).toMatch(/^\S+ stdout F again\n\S+ stdout F again\n$/);
  });

  it('come back with their addresses after a reboot took everything under /run', async () => {
    await reconcile(web('a'), web('b'));
    await world.sh(`ip netns delete cwy-a; ip link delete ${hostLinkOf('a')}; rm -rf ${dir}/run`);
    const again = await reconcile(web('b'));
    expect(again).toMatchObject([{ name: 'b', state: 'running', address: '10.10.1.3' }]);
    expect(await inside('b', 'ping', '-c', '1', '-W', '2', '10.10.1.1')).toContain('1 packets received');
    // The processes that runc had forgotten did not stay.
    expect((await traces()).match(/httpd/g)).toHaveLength(1);
  });

  it('write their output to a log and run in peace when nobody reads it', async () => {
    await reconcile({ ...web('talker'), command: ['sh', '-c', 'echo out; echo err >&2; exec sleep 1000'] });
    const log = () => readFile(`${dir}/lib/containers/talker.log`, 'utf8');
    await expect.poll(log).toMatch(/^\S+ stdout F out\n\S+ stderr F err\n$/);
  });

  it('are all there, once, after an agent that was killed anywhere on its way', async () => {
    const specs = [web('a'), web('b'), web('c')];
    for (let lifeMs = 60; lifeMs < 400; lifeMs += 20)
      await world.killedAfter(lifeMs, IPV4, { reconcile: specs }, { removeAll: true });
    const states = async () => (await reconcile(...specs)).map(({ state }) => state);
    // What a killed agent's last command still does may get in the way of the next agent's first try.
    await expect.poll(states, { timeout: 120_000 }).toEqual(['running', 'running', 'running']);
    expect((await traces()).match(/httpd/g)).toHaveLength(3);
    await agent({ removeAll: true });
    expect(await traces()).toBe(untouched);
    expect(await readdir(`${dir}/lib`)).toEqual([]);
  });

  it('leave nothing behind when they are not wanted any more', async () => {
    await reconcile(web('web-1'), web('web-2'));
    expect(await reconcile(web('web-2'))).toHaveLength(1);
    expect(await readdir(`${dir}/lib/containers`)).toEqual(['web-2.json', 'web-2.log']);
    expect(await reconcile()).toEqual([]);
    expect(await traces()).toBe(untouched);
    for (const folder of ['lib/containers', 'lib/roots', 'lib/exits', 'run/runc', 'run/bundles'])
      expect(await readdir(`${dir}/${folder}`), folder).toEqual([]);
  });
});

describe('removing all', () => {
  it('takes containers, namespaces, links and files, also when half is missing', async () => {
    const damages = [
      'true',
      `ip link delete ${hostLinkOf('a')}; ip netns delete cwy-b`,
      `rm -rf ${dir}/run/runc`,
      `rm -rf ${dir}/run ${dir}/lib/rootfs`,
      `rm -r ${dir}/run/runc ${dir}/lib/containers`,
      `rm ${dir}/lib/containers/a.json; echo broken > ${dir}/run/runc/b/state.json`,
      `echo '{"half' > ${dir}/lib/containers/a.json`,
    ];
    for (const damage of damages) {
      await reconcile(web('a'), web('b'));
      await world.sh(damage);
      expect((await agent({ removeAll: true }))[0], damage).toHaveLength(2);
      expect(await traces(), damage).toBe(untouched);
      expect(await readdir(`${dir}/lib`), damage).toEqual([]);
    }
  });

  it('finds nothing to do where there is nothing', async () => {
    expect(await agent({ removeAll: true }, { removeAll: true })).toEqual([[], []]);
    expect(await traces()).toBe(untouched);
  });

  it('touches no namespace, link or file that only looks like ours', async () => {
    await world.sh('ip netns add other; ip netns add cwy-..x; ip link add cwyabc type bridge');
    await reconcile(web('a'));
    await writeFile(`${dir}/lib/node.json`, '{}');
    await agent({ removeAll: true });
    expect((await world.sh('ls /run/netns; ip -o link | cut -d: -f2')).split(/\s+/)).toEqual([
      'cwy-..x',
      'other',
      'lo',
      'cwy0',
      'cwyabc',
      '',
    ]);
    expect(await readdir(`${dir}/lib`)).toEqual(['node.json']);
  });
});
