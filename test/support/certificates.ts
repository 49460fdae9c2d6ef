import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@causeway/shared/programs/run';

/** Paths of PEM files. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  /** Who signed the others. */
  readonly ca: Pair;
  /** For 127.0.0.1. */
  readonly server: Pair;
  /** Its common name is `agent`. */
  readonly client: Pair;
  /** Somebody else's authority. */
  readonly stranger: Pair;
  remove(): void;
}

/** Makes certificates in a directory of their own. Needs the program of Debian's package `openssl`. */
export async function makeCertificates(): Promise<Certificates> {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-certificates-'));
  const pair = (name: string): Pair => ({
    cert: join(directory, `${name}.pem`),
    key: join(directory, `${name}.key`),
  });
  const openssl = (...args: string[]) =>
    run('openssl', args, { doing: 'making a certificate for a test (Debian package openssl)' });
  const request = (name: string) => [
    ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'],
    ...['-keyout', pair(name).key, '-subj', `/CN=${name}`],
  ];

  async function authority(name: string): Promise<Pair> {
    await openssl(...request(name), '-x509', '-days', '2', '-out', pair(name).cert);
    return pair(name);
  }

  async function signed(name: string, by: Pair, extensions: string): Promise<Pair> {
    const [wish, config] = [join(directory, `${name}.csr`), join(directory, `${name}.cnf`)];
    writeFileSync(config, extensions);
    await openssl(...request(name), '-out', wish);
    const serial = ['-CAcreateserial', '-days', '2', '-extfile', config];
    await openssl(
      'x509',
      '-req',
      '-in',
      wish,
      '-CA',
      by.cert,
      '-CAkey',
      by.key,
      ...serial,
      '-out',
      pair(name).cert,
    );
    return pair(name);
  }

  const ca = await authority('ca');
  return {
    ca,
    // etcd is a client of its own too.
    server: await signed(
      'server',
      ca,
      'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n',
    ),
    client: await signed('agent', ca, 'extendedKeyUsage=clientAuth\n'),
    stranger: await authority('stranger'),
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}
