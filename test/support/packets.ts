import type { Lab, LabContainer } from '@causeway/lab/lab';
import { expect } from 'vitest';
import { output } from './lab.ts';

/** Bytes of the IP and ICMP headers of an echo request. */
const ECHO_HEADERS = { ipv4: 28, ipv6: 48 };

/** Runs the host's own program in a container's network namespace: the containers' image has busybox alone. */
export function inside(container: LabContainer, ...argv: readonly string[]): string[] {
  return ['ip', 'netns', 'exec', `cwy-${container.name}`, ...argv];
}

/**
 * One packet of this size, IP header included, that nobody may divide.
 *
 * @returns whether it was answered, and what ping complained of
 */
export async function whole(
  lab: Lab,
  from: LabContainer,
  to: string,
  bytes: number,
): Promise<{ readonly passed: boolean; readonly said: string }> {
  const payload = bytes - ECHO_HEADERS[to.includes(':') ? 'ipv6' : 'ipv4'];
  const ping = ['ping', '-n', '-c1', '-W2', '-M', 'do', '-s', String(payload), to];
  const { exitCode, stdout, stderr } = await lab.exec(from.host, inside(from, ...ping));
  return { passed: exitCode === 0, said: stdout + stderr };
}

/** Asserts that packets of exactly so many bytes pass undivided in both directions, and not one byte more. */
export async function carries(lab: Lab, a: LabContainer, b: LabContainer, bytes: number): Promise<void> {
  const ways = [
    [a, b],
    [b, a],
  ] as const;
  const asked = ways.flatMap(([from, to]) =>
    [...new Set([to.address, to.ipv6Address ?? to.address])].map(async (address) => {
      const what = `${from.name} to ${to.name} (${address})`;
      expect(await whole(lab, from, address, bytes), `${bytes} bytes from ${what}`).toMatchObject({
        passed: true,
      });
      expect(await whole(lab, from, address, bytes + 1), `${bytes + 1} bytes from ${what}`).toMatchObject({
        ...{ passed: false, said: expect.stringMatching(`mtu[=:] ?${bytes}\\b`) },
      });
    }),
  );
  await Promise.all(asked);
}

/** How many pieces of packets the machine has made since it is there, of both families. */
export async function fragments(lab: Lab, member: string): Promise<number> {
  const lines = (await output(lab, member, 'cat', '/proc/net/snmp', '/proc/net/snmp6')).split('\n');
  const [names = [], counts = []] = lines
    .filter((line) => line.startsWith('Ip: '))
    .map((line) => line.split(' '));
  const ipv6 = lines.find((line) => line.startsWith('Ip6FragCreates'))?.split(/\s+/)[1];
  return Number(counts[names.indexOf('FragCreates')]) + Number(ipv6);
}

/** The address from which a web server of the lab sees a container call. */
export async function seenBy(lab: Lab, from: LabContainer, server: string): Promise<string> {
  const host = server.includes(':') ? `[${server}]` : server;
  const curl = inside(from, 'curl', '-sSm5', '-g', `http://${host}:12345/cgi-bin/peer`);
  return output(lab, from.host, ...curl);
}

/** Sends so many random bytes over one TCP connection, and compares their checksums. */
export async function transfer(
  lab: Lab,
  from: LabContainer,
  to: LabContainer,
  address: string,
  bytes: number,
) {
  const port = '9000';
  const receive = `ip netns exec cwy-${to.name} busybox nc -l -p ${port} | sha256sum`;
  const receiver = lab.spawn(to.host, ['sh', '-c', receive]);
  let received = '';
  receiver.stdout.on('data', (chunk) => {
    received += chunk;
  });
  const ended = new Promise((resolve) => receiver.once('close', resolve));
  const listening = inside(to, 'sh', '-c', `ss -Htln sport = ${port}`);
  await expect.poll(() => output(lab, to.host, ...listening), { timeout: 120_000 }).not.toBe('');
  const send = `f=$(mktemp); head -c ${bytes} /dev/urandom >$f; sha256sum <$f; busybox nc ${address} ${port} <$f; rm $f`;
  const sent = await lab.exec(from.host, inside(from, 'sh', '-c', send), { timeoutMs: 60_000 });
  await ended;
  expect(sent.stdout).toMatch(/^[0-9a-f]{64} /);
  expect(received).toBe(sent.stdout);
}
