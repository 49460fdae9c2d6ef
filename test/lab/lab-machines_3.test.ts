import { describe, expect, it } from 'vitest';
import { output, useLab } from '../support/lab.ts';

/** The ground that everything else stands on: machines and wires, before anything of Causeway runs. */
describe('machines and wires', () => {
  const own = useLab({ bare: true });

  it('has the machines under their names', async () => {
    const { lab } = own;
    expect(lab.members).toEqual(['host-1', 'host-2', 'host-3', 'client', 'router', 'internet']);
    for (const member of lab.members) expect(await output(lab, member, 'uname', '-n')).toBe(member);
  });

  it.each([
    ['host-1', 'host-3'],
    ['host-2', '127.0.0.1'],
    ['host-2', 'internet'],
    ['client', 'host-1'],
    ['client', 'internet'],
    ['internet', 'client'],
    ['router', 'host-2'],
  ])('%s reaches %s', async (from, to) => {
    expect(await output(own.lab, from, 'ping', '-c', '1', '-W', '2', to)).toContain(' 0% packet loss');
  });

  it('shows the internet who calls', async () => {
    const peer = await output(own.lab, 'host-2', 'curl', '-sSm2', 'http://internet:12345/cgi-bin/peer');
    expect(peer).toBe('192.168.122.12');
    expect(await output(own.lab, 'client', 'curl', '-sSm2', 'http://host-3:12345/hello')).toBe(
      'hello from host-3',
    );
  });

  it('has no answer from outside for a packet that leaves with an address of the container network', async () => {
    const { lab } = own;
    await output(lab, 'host-1', 'ip', 'address', 'add', '10.10.1.1/32', 'dev', 'lo');
    const ping = ['ping', '-c', '1', '-W', '1', '-I', '10.10.1.1', '203.0.113.8'];
    expect((await lab.exec('host-1', ping)).exitCode).toBe(1);
    await output(lab, 'host-1', 'ip', 'address', 'delete', '10.10.1.1/32', 'dev', 'lo');
  });

  it('has no way out of the lab: no link of this machine, and no route beyond its own wires', async () => {
    const { lab } = own;
    for (const member of lab.members) {
      const links = await output(lab, member, 'ls', '/sys/class/net');
      expect(links.split('\n').filter((link) => !/^(lo|eth\d)$/.test(link))).toEqual([]);
    }
    const beyond = await lab.exec('router', ['ip', 'route', 'get', '198.51.100.1']);
    expect(beyond.exitCode).not.toBe(0);
  });

  it('keeps what one machine does from the others', async () => {
    const { lab } = own;
    await output(lab, 'host-1', 'sh', '-c', 'mkdir -p /run/causeway && echo mine >/run/causeway/x');
    await output(lab, 'host-1', 'sh', '-c', 'echo mine >/var/lib/causeway/x');
    await output(lab, 'host-1', 'sysctl', '-w', 'net.ipv4.ip_forward=1');
    await output(lab, 'host-1', 'ip', 'netns', 'add', 'box');
    await output(lab, 'host-1', 'nft', 'add', 'table', 'ip', 'mine');
    await output(lab, 'host-1', 'iptables', '-t', 'nat', '-A', 'POSTROUTING', '-j', 'MASQUERADE');
    expect(await output(lab, 'host-1', 'ip', 'netns', 'exec', 'box', 'cat', '/run/causeway/x')).toBe('mine');

    expect((await lab.exec('host-2', ['ls', '/run/causeway/x', '/var/lib/causeway/x'])).stdout).toBe('');
    expect(await output(lab, 'host-2', 'sysctl', '-n', 'net.ipv4.ip_forward')).toBe('0');
    expect(await output(lab, 'host-2', 'ip', 'netns')).toBe('');
    expect(await output(lab, 'host-2', 'nft', 'list', 'ruleset')).toBe('');
    expect(await output(lab, 'host-2', 'ip', 'netns')).toBe('');
  });

  it('knows the state of a host from before, and what has been changed since', async () => {
    const { lab } = own;
    const { differences } = await import('@causeway/lab/host-state');
    expect(differences(await lab.stateBefore('host-3'), await lab.stateOf('host-3'))).toEqual([]);
    await output(lab, 'host-3', 'ip', 'route', 'add', '10.10.7.0/24', 'via', '192.168.122.12');
    await output(lab, 'host-3', 'sysctl', '-w', 'net.ipv4.ip_forward=1');
    const found = differences(await lab.stateBefore('host-3'), await lab.stateOf('host-3'));
    expect(found).toContain('routes: new: 10.10.7.0/24 via 192.168.122.12 dev eth0');
    expect(found).toContain('sysctls: new: /proc/sys/net/ipv4/ip_forward:1');
  });

  it("may not change the machine's cgroups", async () => {
    const { stdout } = await own.lab.exec('host-1', ['sh', '-c', 'mount | grep "type cgroup" | tail -n 1']);
    expect(stdout === '' || /\(ro,/.test(stdout), stdout).toBe(true);
    const made = await own.lab.exec('host-1', ['sh', '-c', 'mkdir /sys/fs/cgroup/x /sys/fs/cgroup/*/x']);
    expect(made.exitCode).not.toBe(0);
    expect(made.stderr).toContain('Read-only file system');
  });
});

describe('machines with addresses of both families, on two networks', () => {
  const own = useLab({ bare: true, hosts: 3, far: 1, mtu: 1400, etcd: 'cluster' });

  it.each([
    ['host-1', 'host-2'],
    ['host-1', 'host-3'],
    ['host-3', 'internet'],
    ['client', 'host-3'],
    ['etcd-2', 'host-3'],
  ])('%s reaches %s by IPv4 and by IPv6', async (from, to) => {
    const { lab } = own;
    for (const address of [lab.addressOf(to), lab.ipv6AddressOf(to)])
      expect(await output(lab, from, 'ping', '-c1', '-W2', address)).toContain(' 0% packet loss');
  });

  it('has the router between the two: one hop less to live is too few', async () => {
    const { lab } = own;
    expect(lab.addressOf('host-3')).toBe('192.168.123.13');
    const near = await lab.exec('host-1', ['ping', '-c1', '-W1', '-t1', lab.addressOf('host-2')]);
    const far = await lab.exec('host-1', ['ping', '-c1', '-W1', '-t1', lab.addressOf('host-3')]);
    expect([near.exitCode, far.exitCode]).toEqual([0, 1]);
  });

  it('takes packets of 1400 bytes on every link, and not one byte more', async () => {
    const { lab } = own;
    const ping = (size: number) =>
      lab.exec('host-1', ['ping', '-c1', '-W1', '-M', 'do', '-s', `${size - 28}`, lab.addressOf('host-3')]);
    expect((await ping(1400)).exitCode).toBe(0);
    expect(await ping(1401)).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('mtu=1400') });
  });

  it('goes on with two members of etcd of three', async () => {
    const { lab } = own;
    await lab.startEtcd();
    const health = (at: string) =>
      lab.exec('host-1', ['curl', '-sm2', `http://${lab.addressOf(at)}:2379/health`]);
    const healthy = { stdout: expect.stringContaining('"health":"true"') };
    await expect.poll(() => health('etcd-3'), { timeout: 60_000 }).toMatchObject(healthy);
    await lab.stopEtcd('SIGKILL', 'etcd-1');
    await expect.poll(() => health('etcd-3'), { timeout: 60_000 }).toMatchObject(healthy);
    expect((await health('etcd-1')).exitCode).toBe(7);
  });
});

describe('exec', () => {
  const own = useLab({ bare: true, hosts: 1 });

  it('hands input, output, complaints and exit code through', async () => {
    const script = 'cat; echo oops >&2; exit 7';
    expect(await own.lab.exec('host-1', ['sh', '-c', script], { input: 'in\n' })).toEqual({
      ...{ exitCode: 7, stdout: 'in\n', stderr: 'oops\n' },
    });
  });

  it('takes arguments as they are', async () => {
    const odd = ['a b', '$HOME', '"', "'", '--', '*'];
    expect(await output(own.lab, 'host-1', 'printf', '%s|', ...odd)).toBe(`${odd.join('|')}|`);
  });

  it('takes less than 30 ms', async () => {
    const times = [];
    for (let i = 0; i < 10; i++) {
      const started = performance.now();
      await output(own.lab, 'host-1', 'true');
      times.push(performance.now() - started);
    }
    expect(Math.min(...times)).toBeLessThan(30);
  });

  it('refuses a machine that is not there, naming those that are', async () => {
    await expect(own.lab.exec('host-2', ['true'])).rejects.toThrow(
      'host "host-2" is none of the lab\'s: host-1, client, router, internet',
    );
  });

  it('ends a command that takes too long, and whatever it runs', async () => {
    const running = own.lab.exec('host-1', ['sleep', '4711'], { timeoutMs: 200 });
    await expect(running).rejects.toThrow('no end after 200 ms');
    await expect
      .poll(async () => (await own.lab.exec('client', ['pgrep', '-f', '^sleep 4711'])).stdout)
      .toBe('');
  });

  it('ends a spawned command with its child', async () => {
    const child = own.lab.spawn('host-1', ['sh', '-c', 'echo ready; sleep 4712']);
    await new Promise((resolve) => child.stdout.once('data', resolve));
    child.kill();
    await expect
      .poll(
        async () => (await own.lab.exec('client', ['pgrep', '-fx', 'sh -c echo ready; sleep 4712'])).stdout,
      )
      .toBe('');
  });
});
