import { expect, it } from 'vitest';
import { parseFlows } from './conntrack.ts';

const [V4, V6] = [
  'src=10.10.1.2 dst=2.2.2.2 sport=43979 dport=53',
  'src=fd00:1::1 dst=fd00:96::2 sport=43928 dport=53',
];
const BACK = 'src=10.10.2.2 dst=10.10.1.2 sport=5353 dport=43979';
const original = { source: '10.10.1.2', destination: '2.2.2.2', sourcePort: 43979, destinationPort: 53 };
const reply = { source: '10.10.2.2', destination: '10.10.1.2', sourcePort: 5353, destinationPort: 43979 };

it.each([
  ['answered', `udp      17 29 ${V4} ${BACK} mark=0 use=1`, true],
  ['handed to the network card', `udp      17 ${V4} ${BACK} [OFFLOAD] mark=0 use=2`, true],
  ['assured', `udp      17 119 ${V4} ${BACK} [ASSURED] mark=0 use=1`, true],
  ['not answered', `udp      17 29 ${V4} [UNREPLIED] ${BACK} mark=0 use=1`, false],
  [
    'counted',
    `udp      17 29 ${V4} packets=1 bytes=28 [UNREPLIED] ${BACK} packets=0 bytes=0 mark=0 use=1`,
    false,
  ],
])('reads a flow that is %s', (_, line, replied) => {
  expect(parseFlows(`${line}\n`)).toEqual([{ protocol: 'udp', original, reply, replied }]);
});

it.each([
  ['tcp', `tcp      6 431999 ESTABLISHED ${V4} ${BACK} [ASSURED] mark=0 use=1`, true],
  ['tcp', `tcp      6 119 SYN_SENT ${V4} [UNREPLIED] ${BACK} mark=0 use=1`, false],
  ['tcp', `tcp      6 ${V4} ${BACK} [OFFLOAD] mark=0 use=2`, true],
  ['sctp', `sctp     132 599 ESTABLISHED ${V4} ${BACK} [ASSURED] mark=0 use=1`, true],
])('reads a connection by %s', (protocol, line, replied) => {
  expect(parseFlows(line)).toEqual([{ protocol, original, reply, replied }]);
});

it.each([
  ['icmp     1', '10.10.1.2', '203.0.113.8'],
  ['icmpv6   58', 'fd00:1::1', 'fd00:113::8'],
])('reads echo requests (%s)', (name, source, destination) => {
  const there = `src=${source} dst=${destination} type=8 code=0 id=77`;
  const back = `src=${destination} dst=${source} type=0 code=0 id=77`;
  const ports = { sourcePort: 0, destinationPort: 0 };
  expect(parseFlows(`${name} 29 ${there} [UNREPLIED] ${back} mark=0 use=1`)).toEqual([
    {
      ...{ protocol: 'icmp', replied: false },
      original: { source, destination, ...ports },
      reply: { source: destination, destination: source, ...ports },
    },
  ]);
  expect(parseFlows(`${name} 29 ${there} ${back} mark=0 zone=7 use=1`)).toEqual([]);
});

it('reads IPv6, the same address always as the same text', () => {
  const back = 'src=::ffff:10.1.2.3 dst=fd00:1::1 sport=5353 dport=43928';
  const [flow] = parseFlows(`udp      17 29 ${V6} ${back} mark=0 use=1`);
  expect(flow?.original).toMatchObject({ source: 'fd00:1::1', destination: 'fd00:96::2' });
  expect(flow?.reply.source).toBe('::ffff:a01:203');
});

it.each([
  ['', 'nothing'],
  [`dccp     33 431999 OPEN ${V4} ${BACK} [ASSURED] mark=0 use=1`, 'a protocol without services'],
  [`udp      17 29 ${V4} ${BACK} mark=0 zone=7 use=1`, 'a zone of its own'],
  [`udp      17 29 ${V4} zone-orig=7 ${BACK} mark=0 use=1`, 'a zone of one direction'],
  ['conntrack v1.4.7 (conntrack-tools): 0 flow entries have been shown.', 'a remark'],
])('leaves out %s (%s)', (line) => expect(parseFlows(line)).toEqual([]));
