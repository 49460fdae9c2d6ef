import { expect, it } from 'vitest';
import { touchesRules } from './nft-monitor.ts';

it.each([
  ['delete table ip causeway', true],
  ['add element ip causeway services { 2.2.2.2 . tcp . 88 : goto pick2 }', true],
  ['delete rule ip6 causeway postrouting handle 7', true],
  ['delete table ip causeway2', false],
  ['add rule inet causeway x', false],
  ['add rule ip filter DOCKER comment "ip causeway"', false],
  ['add rule ip nat PREROUTING counter jump CWY-SERVICES', true],
  ['delete chain ip6 filter CWY-FORWARD', true],
  ['delete rule ip nat PREROUTING handle 5', true],
  ['insert rule ip filter FORWARD counter packets 0 bytes 0 jump DOCKER-USER', true],
  ['add chain ip6 filter FORWARD { type filter hook forward priority 0; policy drop; }', true],
  ['add rule ip raw PREROUTING ip daddr 172.17.0.2 iifname != "docker0" drop', true],
  ['delete rule ip mangle PREROUTING handle 5', true],
  ['delete table ip6 filter', true],
  ['delete table ip mangle', true],
  ['add rule ip nat DOCKER counter return', false],
  ['delete rule ip filter DOCKER handle 5', false],
  ['delete rule ip other x handle 5', false],
])('what nft monitor says is about our rules, or stands beside them: %s', (line, touches) =>
  expect(touchesRules(line)).toBe(touches),
);
