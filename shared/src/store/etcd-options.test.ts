import { describe, expect, it } from 'vitest';
import { type EtcdFlags, readEtcdFlags } from './etcd-options.ts';

const LOCAL = 'http://127.0.0.1:2379';
const read = (flags: Partial<EtcdFlags>, password?: string) =>
  readEtcdFlags({ etcd: LOCAL, ...flags }, password);

describe('readEtcdFlags', () => {
  it.each([
    [LOCAL, [LOCAL]],
    ['127.0.0.1', [LOCAL]],
    ['http://a/', ['http://a:2379']],
    [
      'https://a:1234, https://b.example , https://[fd00::1]:99',
      ['https://a:1234', 'https://b.example:2379', 'https://[fd00::1]:99'],
    ],
    ['http://a:80', ['http://a:80']],
  ])('takes %s', (etcd, endpoints) => expect(read({ etcd })).toEqual({ endpoints }));

  it('takes what has no scheme for TLS when there are certificates', () => {
    expect(read({ etcd: 'a,b:1', etcdCafile: '/ca' })).toEqual({
      endpoints: ['https://a:2379', 'https://b:1'],
      tls: { caFile: '/ca' },
    });
  });

  it.each([
    ['/other/net', '/other/net'],
    ['/other/net//', '/other/net'],
    ['without/slash', 'without/slash'],
    ['/coreos.com/network/', undefined],
    ['', undefined],
  ])('prefix %s → %s', (etcdPrefix, prefix) => expect(read({ etcdPrefix }).prefix).toBe(prefix));

  it('takes a certificate with its key, and a user with a password from a file or the environment', () => {
    const etcd = 'https://a:1';
    expect(read({ etcd, etcdCertfile: '/c', etcdKeyfile: '/k' }).tls).toEqual({
      certFile: '/c',
      keyFile: '/k',
    });
    expect(read({ etcdUsername: 'u', etcdPasswordFile: '/p' }).auth).toEqual({
      username: 'u',
      passwordFile: '/p',
    });
    expect(read({ etcdUsername: 'u' }, 'secret').auth).toEqual({ username: 'u', password: 'secret' });
  });

  it('takes the empty text, as an environment may have it, for nothing', () => {
    const empty = { etcdPrefix: '', etcdCafile: '', etcdCertfile: '', etcdKeyfile: '' };
    expect(read({ ...empty, etcdUsername: '', etcdPasswordFile: '' }, '')).toEqual({ endpoints: [LOCAL] });
  });

  it('passes over a password that nobody asked for', () => {
    expect(read({}, 'secret')).toEqual({ endpoints: [LOCAL] });
  });

  it.each<[Partial<EtcdFlags>, string]>([
    [{ etcd: '' }, '--etcd "" is not an address of the form http://HOST:PORT'],
    [{ etcd: 'http://a,' }, '--etcd "" is not an address'],
    [{ etcd: 'ftp://a' }, '--etcd "ftp://a" is not an address'],
    [{ etcd: 'http://a/path' }, '--etcd "http://a/path" is not an address'],
    [{ etcd: 'http://a:1#x' }, '--etcd "http://a:1#x" is not an address'],
    [{ etcd: 'http://a:99999' }, '--etcd "http://a:99999" is not an address'],
    [{ etcd: 'http://a,https://b' }, '--etcd "http://a:2379" is without TLS, and another address has it'],
    [
      { etcd: 'http://a', etcdCafile: '/c' },
      '--etcd "http://a:2379" is without TLS, and certificates were given',
    ],
    [{ etcdPrefix: '/' }, '--etcd-prefix "/" is not the start of keys'],
    [{ etcdPrefix: '/a//b' }, '--etcd-prefix "/a//b" is not the start of keys'],
    [{ etcdPrefix: '/a/../b' }, '--etcd-prefix "/a/../b" is not the start of keys'],
    [{ etcdPrefix: '/a b' }, '--etcd-prefix "/a b" is not the start of keys'],
    [{ etcdPrefix: '/causeway/v1' }, '--etcd-prefix "/causeway/v1" is among our own keys'],
    [{ etcdPrefix: '/causeway' }, '--etcd-prefix "/causeway" is among our own keys'],
    [{ etcdCertfile: '/c' }, '--etcd-certfile "/c" needs its private key, --etcd-keyfile'],
    [{ etcdKeyfile: '/k' }, '--etcd-keyfile "/k" needs its certificate, --etcd-certfile'],
    [{ etcdPasswordFile: '/p' }, '--etcd-password-file "/p" needs a user, --etcd-username'],
    [{ etcdUsername: 'u' }, '--etcd-username "u" needs --etcd-password-file, or CAUSEWAY_ETCD_PASSWORD'],
  ])('refuses %j', (flags, message) => {
    expect(() => read(flags)).toThrow(
      expect.objectContaining({ code: 'invalid', message: expect.stringContaining(message) }),
    );
  });

  it('never repeats a password', () => {
    const twice = { etcdUsername: 'u', etcdPasswordFile: '/p' };
    expect(() => read(twice, 'secret')).toThrow(
      /^--etcd-password-file "\/p" is given beside CAUSEWAY_ETCD_PASSWORD/,
    );
    expect(() => read({ etcd: 'http://u:secret@a:1' })).toThrow(/^--etcd "a:1" has a user in front/);
    for (const flags of [twice, { etcd: 'http://u:secret@a:1' }]) {
      try {
        read(flags, 'secret');
        expect.unreachable();
      } catch (error) {
        expect(JSON.stringify([String(error), error])).not.toContain('secret');
      }
    }
  });
});
