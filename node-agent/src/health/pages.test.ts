import type { PeerReport } from '@causeway/shared/model/node';
import { describe, expect, it } from 'vitest';
import { freePorts } from '../../../test/support/etcd.ts';
import { createLogger } from '../logger.ts';
import { duration } from './checks.ts';
import { answer, serveHealth } from './server.ts';
import type { HealthState } from './state.ts';

const PEER: PeerReport = {
  ...{ subnet: '10.10.2.0/24', publicIp: '192.168.122.12', node: 'host-2' },
  ...{ state: 'installed', path: 'direct' },
};
/** A host with which all is well. */
const WELL: HealthState = {
  ...{ name: 'host-1', version: '1.2.3', upMs: 5_000 },
  etcd: { connected: true, lastWordMs: 400, patienceMs: 10_000 },
  place: {
    joined: true,
    subnets: { ipv4: '10.10.1.0/24' },
    families: ['ipv4'],
    leaseLeftMs: { ownership: 86_340_000, liveness: 8_100 },
  },
  loop: {
    ...{ rounds: 4, totalMs: 120, lastMs: 30, sinceLastMs: 2_000, repairs: 2 },
    ...{ networkHeld: true, firewallHeld: true, networkRevision: 17, servicesRevision: 9 },
  },
  peers: [PEER],
  healthChecks: { asked: 7, unhealthy: 2 },
  problems: [],
};
const LINES = [
  '[+]etcd ok: last word 0.4 s ago',
  '[+]lease 10.10.1.0/24 ok: 23 h 59 min left',
  '[+]sign of life ok: 8.1 s left',
  '[+]network ok: the kernel holds revision 17',
  '[+]firewall ok: the kernel holds revision 9',
  '[+]peer 10.10.2.0/24 of host-2 (192.168.122.12) ok: installed, direct',
];

function ask(url: string, state: HealthState = WELL, method = 'GET') {
  const { status: code, body, type } = answer(method, url, () => state);
  return { code, body, type, lines: body.trimEnd().split('\n') };
}
/** What differs of a host with which all is well. */
const but = (part: Partial<HealthState>) => ({ ...WELL, ...part });

describe('/readyz', () => {
  it('passes when all is well, and tells every check when asked', () => {
    expect(ask('/readyz')).toMatchObject({ code: 200, body: 'ok\n' });
    const { code, lines, type } = ask('/readyz?verbose');
    expect([code, type]).toEqual([200, 'text/plain; charset=utf-8']);
    expect(lines).toEqual([...LINES, 'readyz check passed']);
  });

  it.each<[string, Partial<HealthState>, string]>([
    [
      'etcd is silent',
      { etcd: { connected: true, lastWordMs: 12_340, patienceMs: 10_000 } },
      '[-]etcd failed: last word 12 s ago',
    ],
    [
      'etcd is away',
      { etcd: { connected: false, lastWordMs: 65_000, patienceMs: 10_000, reason: 'connection\nrefused' } },
      '[-]etcd failed: last word 1 min 5 s ago: connection refused',
    ],
    [
      'etcd was never there',
      { etcd: { connected: false, patienceMs: 10_000, reason: 'no route' } },
      '[-]etcd failed: no word since the start: no route',
    ],
    [
      'the host has not joined',
      { place: { ...WELL.place, joined: false } },
      '[-]lease failed: this host has not joined the cluster yet',
    ],
    [
      'it waits for a subnet',
      { place: { ...WELL.place, subnets: {}, problem: 'all 4 subnets are leased' } },
      '[-]lease IPv4 failed: all 4 subnets are leased',
    ],
    [
      'it lacks a family',
      { place: { ...WELL.place, families: ['ipv4', 'ipv6'] } },
      '[-]lease IPv6 failed: this host has no subnet',
    ],
    [
      'the lease is lost',
      { place: { ...WELL.place, leaseLeftMs: { ownership: -1, liveness: 5_000 } } },
      '[-]lease 10.10.1.0/24 failed: lost',
    ],
    [
      'the sign of life is lost',
      { place: { ...WELL.place, leaseLeftMs: { ownership: 60_000, liveness: 0 } } },
      '[-]sign of life failed: lost',
    ],
    [
      'the kernel refused',
      { loop: { ...WELL.loop, networkHeld: false } },
      '[-]network failed: the kernel is not as it should be; it held revision 17',
    ],
    [
      'the kernel cannot be looked at',
      { loop: { ...WELL.loop, failure: 'no such program' } },
      '[-]kernel failed: no such program',
    ],
    [
      'nothing was done',
      { loop: { ...WELL.loop, rounds: 0 } },
      '[-]kernel failed: nothing has been applied yet',
    ],
    [
      'a peer could not be installed',
      { peers: [{ ...PEER, state: 'failed', reason: 'another route leads elsewhere' }] },
      '[-]peer 10.10.2.0/24 of host-2 (192.168.122.12) failed: another route leads elsewhere',
    ],
    [
      'a peer cannot be reached',
      {
        peers: [{ subnet: '10.10.3.0/24', publicIp: '', state: 'unreachable', reason: 'it has no address' }],
      },
      '[-]peer 10.10.3.0/24 failed: it has no address',
    ],
    ['there is a problem', { problems: ['a key is unreadable'] }, '[-]problem failed: a key is unreadable'],
  ])('fails when %s', (_, part, line) => {
    const { code, lines } = ask('/readyz?verbose', but(part));
    expect(code).toBe(503);
    expect(lines).toContain(line);
    expect(lines.at(-1)).toBe('readyz check failed');
    expect(ask('/readyz', but(part))).toMatchObject({
      code: 503,
      lines: [line, 'readyz check failed'],
    });
  });
});

describe('/healthz', () => {
  it('speaks of the process alone', () => {
    const etcd = { connected: false, patienceMs: 10_000 };
    expect(ask('/healthz', but({ etcd, problems: ['x'] }))).toMatchObject({ code: 200, body: 'ok\n' });
    const loop = { ...WELL.loop, busyMs: 130_000 };
    expect(ask('/healthz', but({ loop }))).toMatchObject({ code: 503, body: 'the loop hangs\n' });
    const { lines } = ask('/readyz', but({ loop }));
    expect(lines[0]).toBe('[-]kernel failed: a round has been running for 2 min 10 s');
  });
});

describe('/status', () => {
  it('is the same as data', () => {
    const { code, body, type } = ask('/status', but({ problems: ['x'] }));
    expect([code, type]).toEqual([200, 'application/json; charset=utf-8']);
    const read = JSON.parse(body);
    expect(read).toMatchObject({ ...WELL, ready: false, problems: ['x'] });
    expect(read.checks.at(-1)).toEqual({ name: 'problem', ok: false, told: 'x' });
  });
});

describe('/metrics', () => {
  it('has the figures of an alarm, each with its help and type', () => {
    const missing: PeerReport = { subnet: '10.10.3.0/24', publicIp: '', state: 'unreachable' };
    const { body } = ask('/metrics', but({ peers: [PEER, missing] }));
    const values = body.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    expect(values).toEqual([
      'causeway_ready 0',
      'causeway_peers_wanted 2',
      'causeway_peers_installed 1',
      'causeway_endpoints_asked 7',
      'causeway_endpoints_unhealthy 2',
      'causeway_problems 0',
      'causeway_repairs_total 2',
      'causeway_etcd_last_word_seconds 0.4',
      'causeway_lease_left_seconds{lease="ownership"} 86340',
      'causeway_lease_left_seconds{lease="liveness"} 8.1',
      'causeway_round_seconds_sum 0.12',
      'causeway_round_seconds_count 4',
    ]);
    for (const value of values) {
      const name = value.replace(/(_sum|_count)?[{ ].*$/, '');
      expect(body).toMatch(new RegExp(`# HELP ${name} .+\\.\\n# TYPE ${name} (gauge|counter|summary)\\n`));
    }
  });
});

it('names its pages to whoever asks for another, and takes no orders', () => {
  expect(ask('/')).toMatchObject({ code: 404, body: 'there are /healthz, /readyz, /status, /metrics\n' });
  expect(ask('/status', WELL, 'POST')).toMatchObject({ code: 405 });
});

it.each([
  [0, '0.0 s'],
  [9_949, '9.9 s'],
  [9_960, '10 s'],
  [59_600, '1 min 0 s'],
  [3_599_000, '59 min 59 s'],
  [86_400_000, '24 h 0 min'],
])('%d ms are %s', (ms, text) => expect(duration(ms)).toBe(text));

it('goes on without its pages when the port is another’s, and has it when that one ends', async () => {
  const log = createLogger('silent', 'host-1');
  const [port = 0] = await freePorts(1);
  const at = { host: '127.0.0.1', port };
  const url = `http://127.0.0.1:${port}/readyz`;
  const first = await serveHealth(() => WELL, at, log);
  const second = await serveHealth(() => but({ problems: ['x'] }), at, log);
  await second();
  expect(await (await fetch(url)).text()).toBe('ok\n');
  await first();
  await expect(fetch(url)).rejects.toThrow();
  const third = await serveHealth(() => but({ problems: ['x'] }), at, log);
  expect((await fetch(url)).status).toBe(503);
  await third();
});
