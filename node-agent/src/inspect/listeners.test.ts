import { expect, it } from 'vitest';
import { parseSockets } from './listeners.ts';

const socket = (local: string, state: string) =>
  `   0: ${local} ${'0'.repeat(local.indexOf(':'))}:0000 ${state} 00000000:00000000 00:00000000 00000000     0        0 37 1 000000006b8504da 100 0 0 10 0`;
const HEAD =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

it('knows where programs wait, in both families', () => {
  const list = [
    HEAD,
    socket('00000000:1F90', '0A'),
    socket('0B7AA8C0:0035', '0A'),
    socket(`${'0'.repeat(32)}:0016`, '0A'),
    socket('000000FD000000220000000011000000:0050', '0A'),
    // What is asked as IPv4 by a program of both.
    socket('0000000000000000FFFF00000B7AA8C0:0051', '0A'),
  ].join('\n');
  expect(parseSockets(list, '0A')).toEqual([
    { address: '0.0.0.0', port: 8080 },
    { address: '192.168.122.11', port: 53 },
    { address: '::', port: 22 },
    { address: 'fd00:0:2200::11', port: 80 },
    { address: '192.168.122.11', port: 81 },
  ]);
});

it('leaves out connections, loopback and groups', () => {
  const list = [
    socket('0B7AA8C0:0035', '01'),
    socket('0100007F:0035', '0A'),
    socket(`${'0'.repeat(24)}01000000:0035`, '0A'),
    socket('FB0000E0:14E9', '0A'),
    'nonsense',
    '',
  ].join('\n');
  expect(parseSockets(list, '0A')).toEqual([]);
  expect(parseSockets('', '0A')).toEqual([]);
});
