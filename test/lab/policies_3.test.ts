import { DATAPLANES } from '@causeway/shared/model/dataplane';
import type { NetworkPolicyInput } from '@causeway/shared/model/network-policy-input';
import { FAMILIES } from '@causeway/shared/net/family';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { output } from '../support/lab.ts';
import { type Held, SERVER_PORT, SILENCE_MS, useServiceLab, vipsOf } from '../support/service-lab.ts';

/** Who may connect to containers, and to whom these may, with real packets: on one host, across hosts, through a VIP. */
const up = useServiceLab({ name: 'policies' });

const VIPS = vipsOf(1);
/** At 25 a minute. */
const ONE_MORE_MS = 2_400;

/** Asks a web server for a page, and prints its status. Arguments: its address, and how long to wait for it. */
const GET = `
const [host, timeout] = process.argv.slice(1);
const asked = require('http').get({ host, timeout: Number(timeout) }, (answer) => {
  console.log(answer.statusCode);
  answer.resume();
});
asked.on('timeout', () => asked.destroy());
asked.on('error', (error) => console.log(error.code === 'ECONNRESET' ? 'silence' : error.code));
`;

const svcctl = (...argv: string[]) => output(up.world.lab, 'host-1', 'svcctl', ...argv);
const apply = (policy: NetworkPolicyInput) =>
  output(
    up.world.lab,
    'host-1',
    ...['sh', '-c', 'printf %s "$1" | svcctl policy apply -f - --wait', 'sh'],
    JSON.stringify({ kind: 'NetworkPolicy', ...policy }),
  );

const held: Held[] = [];

beforeAll(async () => {
  await up.world.put('web', {
    vip: Object.values(VIPS),
    ports: (['tcp', 'udp'] as const).map((protocol) => ({ protocol, port: 80, targetPort: SERVER_PORT })),
    endpoints: ['web-1'],
  });
});

afterEach(async () => {
  for (const one of held.splice(0)) one.close();
  const names = (await svcctl('policy', 'list', '-o', 'name')).split('\n').filter((name) => name !== '');
  for (const name of names) await svcctl('policy', 'delete', name, '--wait');
});

describe.each(DATAPLANES)('with %s', (dataplane) => {
  beforeAll(async () => {
    const { lab } = up.world;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
  });

  describe.each(FAMILIES)('%s', (family) => {
    const at = (name: string) => up.world.addressOf(name, family);
    /** Who answers one who asks. */
    const hears = (from: string, to: string, port = SERVER_PORT) =>
      up.world.names(from, `tcp ${to} ${port}`, 1);
    /** What comes where nobody should answer. */
    const isSilent = (from: string, to: string, port = SERVER_PORT, protocol = 'tcp') =>
      up.world.silence(from, `${protocol} ${to} ${port}`);
    const hold = (from: string, to: string, protocol = 'tcp'): Held => {
      const one = up.world.hold(from, `${protocol} ${to} ${SERVER_PORT}`);
      held.push(one);
      return one;
    };

    it('lets nobody but those that are allowed connect to a container, whichever way they come', async () => {
      await apply({
        name: 'closed',
        subjects: { containers: ['web-1'] },
        ingress: {
          default: 'deny',
          rules: [{ action: 'allow', peers: { containers: ['web-2'] }, ports: [{ port: SERVER_PORT }] }],
        },
      });
      const [web, vip] = [at('web-1'), VIPS[family]];
      expect(await hears('web-2', web)).toEqual(['web-1']);
      expect(await hears('web-2', vip, 80)).toEqual(['web-1']);
      // From its own host, and to others, nothing changes.
      expect(await hears('host-1', web)).toEqual(['web-1']);
      expect(await hears('web-1', at('web-3'))).toEqual(['web-3']);
      const silent = [
        isSilent('web-2', web, SERVER_PORT, 'udp'),
        isSilent('web-1b', web),
        isSilent('web-3', web),
        isSilent('web-3', vip, 80),
        isSilent('host-2', web),
      ];
      expect(await Promise.all(silent)).toEqual(silent.map(() => ['silence']));
    });

    it('lets a container connect to nobody that is denied, before translation or after it', async () => {
      const cidrs = [at('web-3'), at('web-1b')];
      const rules = [{ action: 'deny', peers: { cidrs } }] as const;
      await apply({
        name: 'out',
        subjects: { containers: ['web-1', 'web-2'] },
        egress: { rules: [...rules] },
      });
      const blocked = [
        isSilent('web-1', at('web-3')),
        isSilent('web-1', at('web-1b')),
        isSilent('web-2', at('web-1b'), SERVER_PORT, 'udp'),
      ];
      expect(await Promise.all(blocked)).toEqual(blocked.map(() => ['silence']));
      expect(await hears('web-3', at('web-1'))).toEqual(['web-1']);
      expect(await hears('web-2', VIPS[family], 80)).toEqual(['web-1']);
      // The VIP itself, and the endpoint that it leads to.
      for (const cidr of [VIPS[family], at('web-1')]) {
        const egress = { rules: [{ action: 'deny' as const, peers: { cidrs: [cidr] } }] };
        await apply({ name: 'out', subjects: { containers: ['web-2'] }, egress });
        expect(await isSilent('web-2', VIPS[family], 80)).toEqual(['silence']);
        if (cidr === at('web-1')) expect(await isSilent('web-2', cidr)).toEqual(['silence']);
        else expect(await hears('web-2', at('web-1'))).toEqual(['web-1']);
      }
    });

    it('blocks one address in one command, what stands included, and nothing else', async () => {
      const target = at('web-1');
      const [far, near, udp, other] = [
        hold('web-3', target),
        hold('web-1b', target),
        hold('web-3', target, 'udp'),
        hold('web-2', target),
      ];
      const all = [far, near, udp, other];
      const welcome = (name: string) => `web-1 sees ${at(name)}`;
      const answers = ['web-3', 'web-1b', 'web-3', 'web-2'].map(welcome);
      expect(await Promise.all(all.map((one) => one.ask()))).toEqual(answers);
      await svcctl('policy', 'block', at('web-3'), '--wait');
      await svcctl('policy', 'block', at('web-1b'), '--from', 'web-1', '--wait');
      const still = await Promise.all([far, near, udp].map((one) => one.ask(SILENCE_MS)));
      expect(still).toEqual(['silence', 'silence', 'silence']);
      expect(await other.ask()).toBe(welcome('web-2'));
      expect(await isSilent('web-3', target)).toEqual(['silence']);
      expect(await isSilent('web-1', at('web-3'))).toEqual(['silence']);
      expect(await hears('web-1b', at('web-2'))).toEqual(['web-2']);
      await svcctl('policy', 'unblock', at('web-3'), '--wait');
      await svcctl('policy', 'unblock', at('web-1b'), '--from', 'web-1', '--wait');
      expect(await hears('web-3', target)).toEqual(['web-1']);
      expect(await hears('web-1b', target)).toEqual(['web-1']);
      expect(await udp.ask()).toBe(welcome('web-3'));
      expect(await svcctl('policy', 'list', '-o', 'name')).toBe('');
    });

    it('lets as many connections in as the rate says, and a burst of them at once', async () => {
      const limit = { connections: 25, per: 'minute', burst: 100 } as const;
      await apply({
        name: 'rate',
        subjects: { containers: ['web-1'] },
        ingress: { rules: [{ action: 'allow', peers: { containers: ['web-2'] }, limit }] },
      });
      const target = `udp ${at('web-1')} ${SERVER_PORT}`;
      const startedAt = performance.now();
      const { answers } = await up.world.ask('web-2', target, limit.burst);
      expect(answers).toEqual({ [`web-1 sees ${at('web-2')}`]: limit.burst });
      const rest = await Promise.all(Array.from({ length: 20 }, () => up.world.silence('web-2', target)));
      const more = rest.flat().filter((answer) => answer !== 'silence');
      expect(more.length).toBeLessThanOrEqual(Math.ceil((performance.now() - startedAt) / ONE_MORE_MS));
      expect(await hears('web-3', at('web-1'))).toEqual(['web-1']);
    });
  });

  it('holds for a container from its first moment on, by its label', async () => {
    const name = `late-${dataplane}`;
    await apply({
      name: 'by-label',
      subjects: { labels: { app: 'guarded' } },
      ingress: { default: 'deny', rules: [{ action: 'allow', peers: { containers: ['web-2'] } }] },
    });
    await svcctl('run', name, '--host', 'host-3', '--label', 'app=guarded', '--', 'httpd', '-f', '-p', '80');
    await expect
      .poll(() => svcctl('get', 'container', name, '-o', 'json'), { timeout: 60_000 })
      .toContain('"state": "running"');
    const { address } = JSON.parse(await svcctl('get', 'container', name, '-o', 'json')).status;
    expect(await svcctl('policy', 'describe', 'by-label')).toContain(`${name} on host-3 at ${address}`);
    const get = async (from: string, patienceMs: number) => {
      const inside = [
        'ip',
        'netns',
        'exec',
        `cwy-${from}`,
        process.execPath,
        '-e',
        GET,
        address,
        `${patienceMs}`,
      ];
      return output(up.world.lab, from.replace('web', 'host'), ...inside);
    };
    // There is no page.
    expect(await get('web-2', 20_000)).toBe('404');
    expect(await get('web-1', SILENCE_MS)).toBe('silence');
    await svcctl('rm', name, '--force');
  });
});
