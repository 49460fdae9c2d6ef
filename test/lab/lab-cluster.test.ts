import { describe, expect, it } from 'vitest';
import { output, useLab } from '../support/lab.ts';

describe('a cluster of three', () => {
  const own = useLab();

  it('runs a web container on each host and a second one on the first', async () => {
    const containers = await own.lab.containers();
    expect(containers.map(({ name, host }) => `${name} ${host}`).sort()).toEqual([
      ...['web-1 host-1', 'web-1b host-1', 'web-2 host-2', 'web-3 host-3'],
    ]);
    for (const { address } of containers) expect(address).toMatch(/^10\.10\.\d+\.\d+$/);
  });

  it('serves the pages that the story asks for', async () => {
    const { lab } = own;
    const [from, to] = await lab.containers();
    const url = `http://${to?.address}:12345`;
    const curl = ['ip', 'netns', 'exec', `cwy-${from?.name}`, 'curl', '-sSm5'];
    expect(await output(lab, from?.host ?? '', ...curl, `${url}/hello`)).toBe(`hello from ${to?.name}`);
    expect(await output(lab, from?.host ?? '', ...curl, `${url}/cgi-bin/peer`)).toBe(from?.address);
    const talk = ['ip', 'netns', 'exec', `cwy-${from?.name}`, 'busybox', 'nc', to?.address ?? '', '7777'];
    const child = lab.spawn(from?.host ?? '', talk);
    child.stdin.write('echo?\n');
    expect(String(await new Promise((resolve) => child.stdout.once('data', resolve)))).toBe('echo?\n');
    child.kill();
  });

  it('goes into a container', async () => {
    const found = await own.lab.execInContainer('web-2', ['sh', '-c', 'hostname; exit 3']);
    expect(found).toMatchObject({ exitCode: 3, stdout: 'web-2\n' });
    await expect(own.lab.execInContainer('web-9', ['true'])).rejects.toThrow('container web-9');
  });

  it('lends svcctl its controller', async () => {
    const { exitCode, stdout } = await own.lab.svcctl(['get', 'nodes', '-o', 'name']);
    expect(exitCode).toBe(0);
    expect(stdout.match(/host-\d/g)).toEqual(['host-1', 'host-2', 'host-3']);
  });

  it('starts another container and waits until it serves', async () => {
    const { lab } = own;
    const extra = await lab.addContainer('extra', 'host-3');
    const hello = await output(lab, 'host-3', 'curl', '-sSm5', `http://${extra.address}:12345/hello`);
    expect(hello).toBe('hello from extra');
  });

  it('stops and starts agents; a second start is refused', async () => {
    const { lab } = own;
    await expect(lab.startAgent('host-2')).rejects.toThrow(
      'starting the agent on host-2: it is running already',
    );
    await lab.stopAgent('host-2');
    await lab.stopAgent('host-2');
    await lab.startAgent('host-2');
    await lab.ready();
  });

  it('stops and starts the controller', async () => {
    const { lab } = own;
    await lab.stopController();
    await expect(lab.api.list('/v1/nodes')).rejects.toMatchObject({ code: 'unreachable' });
    await lab.startController();
    await lab.ready();
  });

  it('changes the dataplane everywhere', async () => {
    const { lab } = own;
    await lab.useDataplane('iptables');
    expect(lab.dataplane).toBe('iptables');
    expect(await output(lab, 'host-3', 'iptables', '-t', 'nat', '-S')).toContain('CWY-');
    expect((await lab.exec('host-3', ['nft', 'list', 'table', 'ip', 'causeway'])).exitCode).not.toBe(0);
    await lab.useDataplane('nftables');
  });

  it('says whose daemon has ended by itself, and how', async () => {
    const { lab } = own;
    const { stdout } = await lab.exec('host-2', ['pgrep', '-f', 'causeway-agent.cjs run']);
    const agents = stdout.trim().split('\n');
    expect(agents.length).toBe(3);
    for (const pid of agents) await lab.exec('host-2', ['kill', '-9', pid]);
    await expect(lab.ready()).rejects.toThrow(
      /the agent on host-\d has ended by itself; the end of .*agent\.log/,
    );
    for (const host of lab.hosts) {
      // The first that is gone is told of: another may still be on its way out.
      await lab.stopAgent(host);
      await lab.startAgent(host);
    }
    await lab.ready();
  });
});

describe('a cluster of two with iptables, a small network and an etcd of its own', () => {
  const own = useLab({ hosts: 2, dataplane: 'iptables', network: '10.20.0.0/22', etcd: 'external' });

  it('gives addresses of that network', async () => {
    const containers = await own.lab.containers();
    expect(containers.map((each) => each.address).filter((each) => !each.startsWith('10.20.'))).toEqual([]);
    expect(containers.length).toBe(3);
  });

  it('goes on without etcd, and is whole again with it', async () => {
    const { lab } = own;
    const [from, to] = (await lab.containers()).filter(({ name }) => name !== 'web-1b');
    await lab.stopEtcd();
    const ping = ['ip', 'netns', 'exec', `cwy-${from?.name}`, 'ping', '-c1', '-W2', to?.address ?? ''];
    expect(await output(lab, from?.host ?? '', ...ping)).toContain(' 0% packet loss');
    await lab.startEtcd();
    await lab.ready();
  });
});
