import { readFileSync } from 'node:fs';
import { invalid, messageOf } from '../errors.ts';
import type { EtcdStoreOptions } from './etcd.ts';
import type { EtcdSettings, EtcdUser } from './etcd-options.ts';

type Connection = Pick<EtcdStoreOptions, 'endpoints' | 'prefix' | 'tls' | 'auth'>;

/**
 * Reads the files that the settings name.
 *
 * @returns what `openEtcdStore` takes
 * @throws CausewayError `invalid`, naming the flag and the path, and nothing of what the file holds
 */
export function readEtcdFiles({ endpoints, prefix, tls, auth }: EtcdSettings): Connection {
  return {
    endpoints,
    ...(prefix === undefined ? {} : { prefix }),
    ...(tls === undefined ? {} : { tls: certificates(tls) }),
    ...(auth === undefined ? {} : { auth: { username: auth.username, password: passwordOf(auth) } }),
  };
}

function certificates({
  caFile,
  certFile,
  keyFile,
}: NonNullable<EtcdSettings['tls']>): NonNullable<Connection['tls']> {
  return {
    ...(caFile === undefined ? {} : { ca: pem('--etcd-cafile', caFile, 'CERTIFICATE') }),
    ...(certFile === undefined ? {} : { cert: pem('--etcd-certfile', certFile, 'CERTIFICATE') }),
    ...(keyFile === undefined ? {} : { key: pem('--etcd-keyfile', keyFile, 'PRIVATE KEY') }),
  };
}

/** Files with the wrong content would be told of by TLS only, at the first call and in its own words. */
function pem(flag: string, path: string, kind: string): Buffer {
  const content = read(flag, path);
  if (new RegExp(`^-----BEGIN (\\w+ )*${kind}-----`, 'm').test(content.toString('latin1'))) return content;
  throw invalid(flag, path, `holds no ${kind.toLowerCase()} in PEM form`);
}

function passwordOf({ password, passwordFile }: EtcdUser): string {
  if (passwordFile === undefined) return password ?? '';
  const line = read('--etcd-password-file', passwordFile)
    .toString()
    .replace(/\r?\n$/, '');
  if (line !== '' && !/[\r\n\0]/.test(line)) return line;
  throw invalid('--etcd-password-file', passwordFile, 'is not one line with a password');
}

function read(flag: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw invalid(flag, path, `cannot be read: ${messageOf(error)}`);
  }
}
