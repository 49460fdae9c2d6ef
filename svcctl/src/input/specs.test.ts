import { describe, expect, it } from 'vitest';
import { parseLabels } from './labels.ts';
import { parsePortSpec } from './port-spec.ts';
import { parseTarget, parseWeight } from './target.ts';

describe('--port', () => {
  it.each([
    ['443', { port: 443 }],
    ['https=443', { name: 'https', port: 443 }],
    ['443:8443', { port: 443, targetPort: 8443 }],
    ['53/UDP', { port: 53, protocol: 'udp' }],
    ['dns=53:5353/udp', { name: 'dns', port: 53, targetPort: 5353, protocol: 'udp' }],
    ['443,node-port=auto', { port: 443, nodePort: 'auto' }],
    ['443:8443/tcp,node-port=30443', { port: 443, targetPort: 8443, protocol: 'tcp', nodePort: 30443 }],
  ])('%s is one port', (text, spec) => {
    expect(parsePortSpec(text)).toEqual(spec);
  });

  it.each([
    ['', 'port "" is not of the form [NAME=]PORT[:TARGET][/PROTOCOL][,node-port=PORT]'],
    ['=443', 'port "=443" is not of the form'],
    ['https=', 'port "https=" is not of the form'],
    ['a=b=1', 'port "a=b=1" is not of the form'],
    ['99999', 'port "99999" has "99999", which is not a port: a whole number from 1 to 65535'],
    ['80:http', 'port "80:http" has "http", which is not a port'],
    ['80:', 'port "80:" has "", which is not a port'],
    ['80:81:82', 'port "80:81:82" has "81:82", which is not a port'],
    ['80/icmp', 'port "80/icmp" has the protocol "icmp", which is none of tcp, udp, sctp'],
    ['80/', 'port "80/" has the protocol "", which is none of'],
    ['80,node-port=x', 'port "80,node-port=x" has "x", which is not a port'],
    ['80,weight=1', 'port "80,weight=1" has "weight=1", and what may follow a comma is node-port=…'],
    ['80,node-port=1,node-port=2', 'port "80,node-port=1,node-port=2" gives node-port twice'],
  ])('refuses %j by flag and value', (text, sentence) => {
    expect(() => parsePortSpec(text)).toThrow(sentence);
  });
});

describe('--to', () => {
  it('is a reference, weighed or not', () => {
    expect(parseTarget('to', 'web-1:80')).toEqual({ to: 'web-1:80' });
    expect(parseTarget('to', '[fd00::2]:80,weight=0')).toEqual({ to: '[fd00::2]:80', weight: 0 });
    expect(parseTarget('to', 'web-1,weight=100')).toEqual({ to: 'web-1', weight: 100 });
  });

  it.each([
    ['', 'to "" is empty'],
    [',weight=3', 'to ",weight=3" is empty'],
    ['web-1,weight=', 'to "web-1,weight=" has "", which is not a weight: a whole number from 0 to 100'],
    ['web-1,weight=101', 'to "web-1,weight=101" has "101", which is not a weight'],
    ['web-1,weight=1.5', 'to "web-1,weight=1.5" has "1.5", which is not a weight'],
    ['web-1,3', 'to "web-1,3" has "3", and what may follow a comma is weight=…'],
  ])('refuses %j by flag and value', (text, sentence) => {
    expect(() => parseTarget('to', text)).toThrow(sentence);
  });

  it('has a weight from 0 to 100', () => {
    expect(['0', '7', '100'].map(parseWeight)).toEqual([0, 7, 100]);
    for (const text of ['', '-1', '101', '1e1', ' 1'])
      expect(() => parseWeight(text)).toThrow(`weight ${JSON.stringify(text)} is not a weight`);
  });
});

describe('labels', () => {
  it('come one by one or several at once', () => {
    expect(parseLabels('label', 'tier=front,zone=', parseLabels('label', 'app=web'))).toEqual({
      ...{ app: 'web', tier: 'front', zone: '' },
    });
    expect(parseLabels('label', 'a=b=c')).toEqual({ a: 'b=c' });
    expect(Object.entries(parseLabels('label', '__proto__=x'))).toEqual([['__proto__', 'x']]);
  });

  it.each(['', 'app', '=web', 'app=web,', 'app web'])('refuses %j', (text) => {
    expect(() => parseLabels('selector', text)).toThrow(`selector ${JSON.stringify(text)} is not KEY=VALUE`);
  });

  it('have one value each', () => {
    expect(parseLabels('selector', 'a=b', { a: 'b' })).toEqual({ a: 'b' });
    expect(() => parseLabels('selector', 'a=c', { a: 'b' })).toThrow(
      'selector "a=c" gives "a" a second value: labels have one',
    );
  });
});
