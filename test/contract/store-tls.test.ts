import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { messageOf } from '@causeway/shared/errors';
import { readEtcdFiles } from '@causeway/shared/store/etcd-files';
import { type EtcdFlags, readEtcdFlags } from '@causeway/shared/store/etcd-options';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Certificates, makeCertificates } from '../support/certificates.ts';
import { startEtcd, type TestEtcd } from '../support/etcd.ts';
import { follow, openStore } from '../support/store.ts';

let certificates: Certificates;
let etcd: TestEtcd;
let strict: TestEtcd;

/** One etcd that shows a certificate, and one that wants to see one too. */
beforeAll(async () => {
  certificates = await makeCertificates();
  const tls = { ca: certificates.ca.cert, ...certificates.server };
  [etcd, strict] = await Promise.all([startEtcd({ tls }), startEtcd({ tls: { ...tls, clients: true } })]);
});
afterAll(async () => {
  await Promise.all([etcd?.stop(), strict?.stop()]);
  certificates?.remove();
});

/** A store as the command line opens it. */
function open(target: TestEtcd, flags: Omit<EtcdFlags, 'etcd'>) {
  const { endpoints, ...rest } = readEtcdFiles(readEtcdFlags({ etcd: target.endpoint, ...flags }));
  return openStore(endpoints, rest);
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'no failure',
    (error) => messageOf(error),
  );
}

describe('with a certificate authority alone', () => {
  it('reads, writes, watches and leases', async () => {
    const store = open(etcd, { etcdCafile: certificates.ca.cert });
    const followed = follow(store, '/tls/');
    await followed.isConnected();
    const lease = await store.grantLease(10);
    await store.transaction([], [{ put: '/tls/1', value: 'x', lease }]);
    await followed.holds({ '/tls/1': 'x' });
    await store.ping();
    await lease.revoke();
    await followed.holds({});
  });

  it('does not take an address without a scheme for one without TLS', async () => {
    const store = open(
      { ...etcd, endpoint: etcd.endpoint.replace('https://', '') },
      { etcdCafile: certificates.ca.cert },
    );
    await store.ping();
  });
});

describe('with a certificate of our own', () => {
  it('is let in where one is wanted', async () => {
    const { cert: etcdCertfile, key: etcdKeyfile } = certificates.client;
    const store = open(strict, { etcdCafile: certificates.ca.cert, etcdCertfile, etcdKeyfile });
    await store.transaction([], [{ put: '/tls/2', value: 'x' }]);
    expect((await store.get('/tls/2'))?.value).toBe('x');
  });

  it('is not let in without it', async () => {
    const store = open(strict, { etcdCafile: certificates.ca.cert });
    await expect(store.ping()).rejects.toMatchObject({ code: 'unreachable' });
  });
});

describe('an etcd that is not to be trusted', () => {
  it.each([
    ['signed by somebody else', () => ({ etcdCafile: certificates.stranger.cert })],
    ['signed by nobody whom the system knows', () => ({})],
  ])('is refused, and the reason is told: %s', async (_what, flags) => {
    const store = open(etcd, flags());
    const text = await failureOf(store.ping());
    expect(text).toMatch(/at etcd https:\/\/127\.0\.0\.1:\d+: .*certificate/);
  });
});

describe('files that cannot be used', () => {
  it.each<['etcdCafile' | 'etcdKeyfile', string, () => string]>([
    ['etcdCafile', '--etcd-cafile "/nowhere/ca.pem" cannot be read: ENOENT', () => '/nowhere/ca.pem'],
    ['etcdCafile', 'holds no certificate in PEM form', () => certificates.ca.key],
    ['etcdKeyfile', 'holds no private key in PEM form', () => certificates.client.cert],
  ])('%s: %s', (flag, reason, path) => {
    const { cert: etcdCertfile, key: etcdKeyfile } = certificates.client;
    const pair = flag === 'etcdKeyfile' ? { etcdCertfile, etcdKeyfile } : {};
    expect(() => open(etcd, { ...pair, [flag]: path() })).toThrow(reason);
  });

  it('never repeats what a password file holds', () => {
    const path = join(certificates.ca.cert, '..', 'password');
    writeFileSync(path, 'hunter2\nhunter3\n');
    const flags = { etcd: etcd.endpoint, etcdUsername: 'u', etcdPasswordFile: path };
    let caught: unknown;
    try {
      readEtcdFiles(readEtcdFlags(flags));
    } catch (error) {
      caught = error;
    }
    expect(messageOf(caught)).toContain('is not one line with a password');
    expect(inspect(caught, { depth: null, showHidden: true })).not.toContain('hunter');
  });
});
