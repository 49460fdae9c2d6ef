import { describe, expect, it } from 'vitest';
import { parseAddresses } from './inside.ts';
import { parseLinks } from './network.ts';
import { parseStat } from './processes.ts';
import { createRestarts } from './restarts.ts';
import { lastError, parseRuncList } from './runc.ts';
import { parseSockets } from './sockets.ts';

describe('what programs print', () => {
  it('ip -d -j link show', () => {
    const port = '{"info_kind":"veth","info_slave_kind":"bridge","info_slave_data":{"hairpin":true}}';
    const json = `[{"ifname":"lo","flags":["UP"],"mtu":65536,"linkinfo":{}},{"ifname":"x","mtu":1500,"master":"cwy0","linkinfo":${port}}]`;
    expect([...parseLinks(json)]).toEqual([
      ['lo', { up: true, carrier: false, mtu: 65536 }],
      ['x', { up: false, carrier: false, mtu: 1500, master: 'cwy0', hairpin: true }],
    ]);
    expect(parseLinks('\n').size).toBe(0);
    expect(() => parseLinks('{}')).toThrow(/no list/);
  });

  it('runc list and runc’s log', () => {
    expect(parseRuncList('null').size).toBe(0);
    expect(parseRuncList('[{"id":"a","pid":7,"status":"running","x":1}]').get('a')).toEqual({
      pid: 7,
      status: 'running',
    });
    const log = '{"level":"warning","msg":"w"}\n{"level":"error","msg":"exec: not found"}\nnoise\n';
    expect(lastError(log)).toBe('exec: not found');
    expect(lastError('')).toBeUndefined();
  });

  it('ip -j address show', () => {
    const address = { family: 'inet6', local: 'fd00::2', prefixlen: 64, scope: 'global' };
    expect(parseAddresses(JSON.stringify([{}, { ifname: 'eth0', addr_info: [address, {}] }]))).toEqual([
      { local: 'fd00::2', prefixlen: 64 },
    ]);
    expect(parseAddresses('')).toEqual([]);
    expect(() => parseAddresses('{}')).toThrow(/no list/);
  });

  it('/proc/net/tcp and tcp6', () => {
    const head =
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
    const four =
      '   0: 02010A0A:3039 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1 1\n';
    const six =
      '  12: 100000FD010000000000000002000000:0050 00000000000000000000000000000000:0000 07 00000000:00000000\n';
    expect(parseSockets(head + four + six)).toEqual([
      { address: '10.10.1.2', port: 12345, state: '0A' },
      { address: 'fd00:10:0:1::2', port: 80, state: '07' },
    ]);
  });

  it('/proc/PID/stat, also of a program with brackets in its name', () => {
    const fields = Array.from({ length: 30 }, (_, index) => String(index + 4));
    expect(parseStat(`7 (a) b (c)) S ${fields.join(' ')}`)).toEqual({ state: 'S', startTime: '22' });
    expect(parseStat('')).toBeUndefined();
  });
});

describe('restarts', () => {
  it('are at once after a good run, and ever later after bad ones', () => {
    const restarts = createRestarts();
    expect(restarts.ended('a', 0)).toBe(0);
    restarts.started('a', 0);
    expect(restarts.ended('a', 10_000)).toBe(0);
    let now = 20_000;
    const waits = [1, 2, 3, 4, 5, 6, 7, 8].map(() => {
      restarts.started('a', now);
      const wait = restarts.ended('a', now);
      now += wait;
      expect(restarts.ended('a', now)).toBe(0);
      return wait / 1000;
    });
    expect(waits).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
    restarts.started('a', now);
    expect(restarts.ended('a', now + 10_000)).toBe(0);
    expect(restarts.failures('a')).toBe(0);
  });

  it('count an end once, however often it is looked at, and say when they are due', () => {
    const restarts = createRestarts();
    restarts.started('a', 0);
    expect(restarts.due(99)).toBe(false);
    expect([restarts.ended('a', 100), restarts.ended('a', 600)]).toEqual([1000, 500]);
    expect([restarts.due(1_099), restarts.due(1_100)]).toEqual([false, true]);
    restarts.forget('a');
    expect(restarts.due(1_100)).toBe(false);
    expect(restarts.failed('b', 0)).toBe(1000);
  });
});
