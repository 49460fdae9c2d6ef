import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { beforeAll, describe, expect, it } from 'vitest';
import { svcctl } from '../support/faults.ts';
import { output, useLab } from '../support/lab.ts';
import { fetches, inNetworkOf, removeContainers, runWeb, viewOf } from '../support/seeds.ts';

/** What the text "how Docker works" (S2) does with iptables by hand, as policies of a container. */
const up = useLab({ name: 'seed-s2p', hosts: 2 });
const HOST = 'host-1';
const PATIENT = { timeout: 30_000, interval: 100 };

/**
 * Makes one connection after the other, 160 at most, until one is not answered; each waits for its page, or the server's
 * queue of nine overflows. Prints how many were. Argument: address.
 */
const COUNT = `
const { connect } = require('node:net');
const one = () => new Promise((resolve) => {
  const socket = connect({ host: process.argv[1], port: 80 });
  socket.setTimeout(900, () => socket.destroy());
  socket.on('connect', () => socket.write('GET /hello HTTP/1.0\\r\\n\\r\\n'));
  socket.on('data', () => { resolve(true); socket.destroy(); });
  socket.on('error', () => {});
  socket.on('close', () => resolve(false));
});
(async () => {
  let made = 0;
  while (made < 160 && (await one())) made++;
  console.log(made);
})();
`;

describe.each(DATAPLANES)('S2: the packet filter as policy, with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    await removeContainers(lab, 'shop');
    await runWeb(lab, 'shop', HOST, 80, '--label', 'app=shop', '--publish', '422:80');
  });

  const url = () => `http://${up.lab.addressOf(HOST)}:422/hello`;
  const direct = async () => `http://${(await viewOf(up.lab, 'shop')).status?.address}/hello`;
  const apply = async (policy: object) => {
    const file = join(up.lab.directory, 'policy.json');
    writeFileSync(file, JSON.stringify({ kind: 'NetworkPolicy', ...policy }));
    await svcctl(up.lab, 'policy', 'apply', '-f', file, '--wait');
  };

  it('a port of the host is forwarded to another of the container', async () => {
    expect(await fetches(up.lab, 'client', url())).toBe('hello from shop');
  });

  it('one address is blocked in one command, and let in again', async () => {
    const blocked = up.lab.addressOf('client');
    await svcctl(up.lab, 'policy', 'block', blocked);
    await expect.poll(() => fetches(up.lab, 'client', url()), PATIENT).toBe('silence');
    expect(await fetches(up.lab, 'web-2', await direct())).toBe('hello from shop');
    await svcctl(up.lab, 'policy', 'unblock', blocked);
    await expect.poll(() => fetches(up.lab, 'client', url()), PATIENT).toBe('hello from shop');
  });

  it('a chain’s policy DROP, and one port for one network: only who is in it reaches the container', async () => {
    await apply({
      name: 'ssh-from-lan',
      subjects: { labels: { app: 'shop' } },
      ingress: {
        default: 'deny',
        rules: [
          { action: 'allow', peers: { cidrs: ['192.168.122.0/24'] }, ports: [{ protocol: 'tcp', port: 80 }] },
        ],
      },
    });
    await expect.poll(async () => fetches(up.lab, 'web-2', await direct()), PATIENT).toBe('silence');
    expect(await fetches(up.lab, 'client', url())).toBe('hello from shop');
    await svcctl(up.lab, 'policy', 'delete', 'ssh-from-lan');
    await expect.poll(async () => fetches(up.lab, 'web-2', await direct()), PATIENT).toBe('hello from shop');
  });

  it('25 connections a minute with a burst of 100: the 126th within the first minute is dropped', async () => {
    await apply({
      name: 'flood',
      subjects: { containers: ['shop'] },
      ingress: {
        default: 'deny',
        rules: [
          {
            action: 'allow',
            ports: [{ protocol: 'tcp', port: 80 }],
            limit: { connections: 25, per: 'minute', burst: 100 },
          },
        ],
      },
    });
    const target = (await viewOf(up.lab, 'shop')).status?.address ?? '';
    const passed = Number(await inNetworkOf(up.lab, 'web-2', process.execPath, '-e', COUNT, target));
    expect(passed).toBeGreaterThanOrEqual(100);
    // They take less than a minute.
    expect(passed).toBeLessThanOrEqual(125);
    await svcctl(up.lab, 'policy', 'delete', 'flood');
    await expect.poll(async () => fetches(up.lab, 'web-2', await direct()), PATIENT).toBe('hello from shop');
  });

  it('a policy is a chain of its own that packets are led into', async () => {
    await apply({
      name: 'mytcpchain',
      subjects: { containers: ['shop'] },
      ingress: { rules: [{ action: 'deny', peers: { cidrs: ['198.51.100.0/24'] } }] },
    });
    const rules = dataplane === 'nftables' ? ['nft', 'list', 'table', 'ip', 'causeway'] : ['iptables-save'];
    await expect.poll(async () => output(up.lab, HOST, ...rules), PATIENT).toMatch(/policy|CWY-P/i);
    await svcctl(up.lab, 'policy', 'delete', 'mytcpchain');
  });
});
