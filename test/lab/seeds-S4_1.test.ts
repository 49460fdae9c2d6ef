import { beforeAll, describe, expect, it } from 'vitest';
import { output, useLab } from '../support/lab.ts';
import { fetches, inNetworkOf, pings, runContainer, runWeb } from '../support/seeds.ts';

/** The text "Linux bridge as Docker uses it" (S4): 192.168.88.0/24, ns0 and ns1 on one bridge. */
const up = useLab({ name: 'seed-s4', hosts: 1, network: '192.168.88.0/24' });
const HOST = 'host-1';
const INTERNET = '203.0.113.8';

describe('S4: a bridge as Docker uses it', () => {
  let [ns0, ns1, gateway] = ['', '', ''];

  beforeAll(async () => {
    ns0 = await runContainer(up.lab, 'ns0', { host: HOST });
    ns1 = await runWeb(up.lab, 'ns1', HOST, 80);
    gateway =
      /inet ([\d.]+)/.exec(
        await output(up.lab, HOST, 'ip', '-o', '-4', 'address', 'show', 'dev', 'cwy0'),
      )?.[1] ?? '';
  });

  it('the bridge is up, with an address of its subnet, and the containers’ links are its ports', async () => {
    expect([ns0, ns1, gateway]).toEqual(Array(3).fill(expect.stringMatching(/^192\.168\.88\.\d+$/)));
    const ports = await output(up.lab, HOST, 'ip', '-br', 'link', 'show', 'master', 'cwy0');
    expect(ports.split('\n').filter((line) => / UP /.test(line))).toHaveLength(4);
  });

  it('container and container reach each other', async () => {
    expect(await pings(up.lab, 'ns0', ns1)).toBe(true);
    expect(await fetches(up.lab, 'ns0', `http://${ns1}/hello`)).toBe('hello from ns1');
  });

  it('container and host reach each other', async () => {
    expect(await pings(up.lab, 'ns0', gateway)).toBe(true);
    expect(await fetches(up.lab, HOST, `http://${ns1}/hello`)).toBe('hello from ns1');
  });

  it('the outside is reached through the default route, with the host’s address as source (SNAT)', async () => {
    expect(await inNetworkOf(up.lab, 'ns0', 'ip', 'route', 'show', 'default')).toMatch(
      `default via ${gateway}`,
    );
    for (const address of ['192.168.122.200', INTERNET]) {
      expect(await pings(up.lab, 'ns0', address)).toBe(true);
      expect(await fetches(up.lab, 'ns0', `http://${address}:12345/cgi-bin/peer`)).toBe(
        up.lab.addressOf(HOST),
      );
    }
  });
});
