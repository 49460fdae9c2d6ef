import { describe, expect, it } from 'vitest';
import {
  blockHasBlock,
  blocksOverlap,
  canonicalBlock,
  canonicalIp,
  compareBlocks,
  formatIp,
  lastOfBlock,
  nthOfBlock,
  parseBlock,
  parseIp,
} from './block.ts';

const block = (text: string) => parseBlock(text) ?? expect.fail(`${text} is no block`);

describe('addresses', () => {
  it.each([
    ['10.10.1.2', '10.10.1.2'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::', 'fd00:0:0:1::'],
    ['fd00::0001:0', 'fd00::1:0'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['1:0:0:2:3:0:0:4', '1::2:3:0:0:4'],
    ['1:2:3:4:5:6:7:0', '1:2:3:4:5:6:7:0'],
    ['::ffff:1.2.3.4', '::ffff:102:304'],
    ['ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'],
  ])('%s is %s', (text, canonical) => expect(canonicalIp(text)).toBe(canonical));

  it.each([
    '',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    '::1%eth0',
    'g::',
    '12345::',
    '1.2.3',
    '1.2.3.4::',
    '::1\n',
    '1:2:3:4:5:6:7::8',
  ])('%j is none', (text) => expect(parseIp(text)).toBeUndefined());
});

describe('blocks', () => {
  it.each([
    ['10.10.1.2/16', '10.10.0.0/16'],
    ['fd00:10:0:1::5/64', 'fd00:10:0:1::/64'],
    ['::/0', '::/0'],
    ['fd00::1/128', 'fd00::1/128'],
  ])('%s is %s', (text, canonical) => expect(canonicalBlock(text)).toBe(canonical));

  it.each(['10.0.0.0', '10.0.0.0/33', 'fd00::/129', 'fd00::/064', '10.0.0.0/8/8', '/8'])(
    '%j is none',
    (text) => expect(parseBlock(text)).toBeUndefined(),
  );

  it('are counted, compared and nested', () => {
    expect(formatIp(nthOfBlock(block('fd00:10:0:1::/64'), 1))).toBe('fd00:10:0:1::1');
    expect(formatIp(lastOfBlock(block('10.10.1.0/24')))).toBe('10.10.1.255');
    expect(blockHasBlock(block('fd00::/48'), block('fd00:0:0:7::/64'))).toBe(true);
    expect(blocksOverlap(block('fd00::/64'), block('fd00:0:0:1::/64'))).toBe(false);
    expect(blocksOverlap(block('0.0.0.0/0'), block('::/0'))).toBe(false);
    expect(
      ['10.1.0.0/16', 'fd00::/8', '10.0.0.0/8']
        .map(block)
        .sort(compareBlocks)
        .map((b) => b.length),
    ).toEqual([8, 16, 8]);
  });
});
