import type { ContainerSpec } from '@causeway/shared/model/container';
import { describe, expect, it } from 'vitest';
import { hostLinkOf, isContainerName, isHostLink, nameOfNetns } from './places.ts';
import { checkSpec, specHash } from './spec.ts';

const good: ContainerSpec = {
  name: 'web-1',
  host: 'host-1',
  command: ['httpd', ''],
  files: { '/www/hello': 'hi', '/bin/tool': '', '/tmpfile': '', '/etc/ünïcode …': '' },
};

describe('a definition', () => {
  it('passes when it is well formed', () => {
    expect(() => checkSpec(good)).not.toThrow();
    expect(() => checkSpec({ ...good, name: 'a'.repeat(63) })).not.toThrow();
  });

  it.each([
    ...['', '../x', 'a/b', 'a b', 'a\nb', 'web-1\n', 'a"b', "a'b", 'A', '-a', 'a-', 'a.b', 'a;reboot'],
    ...['a'.repeat(64), 'x'.repeat(300), null, 7, {}],
  ])('is refused by its name: %j', (name) => {
    expect(() => checkSpec({ ...good, name: name as string })).toThrow(/^name /);
  });

  it.each([
    ...['', 'etc/x', '/', '/a/', '/a//b', '/../x', '/a/../../x', '/a/./b', '/a\0b', '/a\nb'],
    ...[`/${'x'.repeat(256)}`, `/${'x/'.repeat(2100)}x`, '/proc/x', '/dev/null', '/sys'],
  ])('is refused by a path: %j', (path) => {
    expect(() => checkSpec({ ...good, files: { [path]: '' } })).toThrow(/^files "/);
  });

  it.each([
    [{ command: [''] }, /^command\[0\] ""/],
    [{ command: ['a', 'b\0'] }, /^command\[1\]/],
    [{ command: 'sh' }, /^command "sh"/],
    [{ files: null }, /^files null/],
    [{ files: { '/x': 7 } }, /^files\["\/x"\] 7/],
  ])('is refused in one sentence: %j', (part, sentence) => {
    expect(() => checkSpec({ ...good, ...part } as unknown as ContainerSpec)).toThrow(sentence);
  });

  it('is told from another by command and files, not by their order or by its host', () => {
    const files = { '/b': '2', '/a': '1' };
    const hash = specHash({ ...good, files });
    expect(specHash({ ...good, host: 'host-2', files: { '/a': '1', '/b': '2' } })).toBe(hash);
    expect(specHash({ ...good, files: { '/a': '1', '/b': '3' } })).not.toBe(hash);
    expect(specHash({ ...good, files, command: ['httpd'] })).not.toBe(hash);
  });
});

describe('names on the host', () => {
  it('are found again, and only ours', () => {
    expect(hostLinkOf('a'.repeat(63))).toHaveLength(13);
    expect(isHostLink(hostLinkOf('web-1'))).toBe(true);
    expect(['cwy0', 'cwyabc', 'eth0', 'cwy0123456789a'].filter(isHostLink)).toEqual([]);
    expect(nameOfNetns('cwy-web-1')).toBe('web-1');
    expect(['web-1', 'cwy-', 'cwy-..x', 'cwy-A'].map(nameOfNetns)).toEqual(Array(4).fill(undefined));
    expect(isContainerName('host-1')).toBe(true);
  });
});
