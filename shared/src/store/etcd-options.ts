import { invalid } from '../errors.ts';
import { CAUSEWAY_PREFIX, FLANNEL_PREFIX } from '../names.ts';

/** How etcd is reached, as agent and controller are told by the same flags. Nothing is read from a disk here. */
export interface EtcdSettings {
  /** `http://127.0.0.1:2379`, one for each member that may be asked; all with TLS or none. */
  readonly endpoints: readonly string[];
  /** Takes the place of flannel's `/coreos.com/network`; absent: that one. No slash at its end. */
  readonly prefix?: string;
  /** Paths of PEM files. A certificate and its key come together. */
  readonly tls?: { readonly caFile?: string; readonly certFile?: string; readonly keyFile?: string };
  readonly auth?: EtcdUser;
}

export interface EtcdUser {
  readonly username: string;
  /** One of the two: the password, or the path of a file that holds it. */
  readonly password?: string;
  readonly passwordFile?: string;
}

/** The flags as typed, or as the environment has them; the empty text is absence. */
export interface EtcdFlags {
  /** Several are separated by commas. */
  readonly etcd: string;
  readonly etcdPrefix?: string;
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdUsername?: string;
  readonly etcdPasswordFile?: string;
}

/** One flag, for whatever reads a command line; each can be given by its variable of the environment too. */
export interface EtcdFlag {
  readonly flags: string;
  readonly env: string;
  readonly text: string;
}

/** All but `--etcd` itself, whose default differs. */
export const ETCD_FLAGS: readonly EtcdFlag[] = [
  {
    flags: '--etcd-prefix <key>',
    env: 'CAUSEWAY_ETCD_PREFIX',
    text: `takes the place of ${FLANNEL_PREFIX}, for several networks in one etcd`,
  },
  {
    flags: '--etcd-cafile <path>',
    env: 'CAUSEWAY_ETCD_CAFILE',
    text: "certificate authority of etcd's certificates (default: the system's)",
  },
  {
    flags: '--etcd-certfile <path>',
    env: 'CAUSEWAY_ETCD_CERTFILE',
    text: 'certificate to present to etcd',
  },
  { flags: '--etcd-keyfile <path>', env: 'CAUSEWAY_ETCD_KEYFILE', text: 'its private key' },
  { flags: '--etcd-username <name>', env: 'CAUSEWAY_ETCD_USERNAME', text: 'user of etcd' },
  {
    flags: '--etcd-password-file <path>',
    env: 'CAUSEWAY_ETCD_PASSWORD_FILE',
    text: `file with that user's password (or the password itself in CAUSEWAY_ETCD_PASSWORD)`,
  },
];

/** Holds the password; no flag does, since any user of the machine can read a command line. */
export const ETCD_PASSWORD_ENV = 'CAUSEWAY_ETCD_PASSWORD';

/**
 * Checks what the command line and the environment say about etcd.
 *
 * @param password of the environment variable `ETCD_PASSWORD_ENV`
 * @throws CausewayError `invalid`, naming the flag and the value, and never a password
 */
export function readEtcdFlags(flags: EtcdFlags, password?: string): EtcdSettings {
  const tls = tlsOf(flags);
  const endpoints = etcdEndpoints(flags.etcd.split(','), tls !== undefined);
  const prefix = flags.etcdPrefix ? checkedPrefix(flags.etcdPrefix) : FLANNEL_PREFIX;
  const auth = userOf(flags, password || undefined);
  return {
    endpoints,
    ...(prefix === FLANNEL_PREFIX ? {} : { prefix }),
    ...(tls === undefined ? {} : { tls }),
    ...(auth === undefined ? {} : { auth }),
  };
}

/**
 * @param texts addresses as typed; without a scheme they are `http`, or `https` with TLS
 * @param tls whether there are certificates to use
 * @returns each with scheme and port
 * @throws CausewayError `invalid`
 */
export function etcdEndpoints(texts: readonly string[], tls: boolean): readonly string[] {
  const found = texts.map((text) => endpoint(text.trim(), tls));
  const plain = found.find((url) => url.startsWith('http:'));
  if (found.length === 0) throw invalid('--etcd', texts.join(','), 'names no address');
  if (plain === undefined || found.every((url) => url.startsWith('http:') && !tls)) return found;
  const why = tls
    ? 'is without TLS, and certificates were given'
    : 'is without TLS, and another address has it';
  throw invalid('--etcd', plain, `${why}: https:// is needed`);
}

function endpoint(text: string, tls: boolean): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `http${tls ? 's' : ''}://${text}`;
  const url = URL.canParse(full) ? new URL(full) : undefined;
  // What may be a password is not repeated.
  if (url !== undefined && (url.username !== '' || url.password !== ''))
    throw invalid('--etcd', url.host, 'has a user in front: use --etcd-username and --etcd-password-file');
  const known = url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
  if (!known || !['', '/'].includes(url.pathname + url.search + url.hash))
    throw invalid('--etcd', text, 'is not an address of the form http://HOST:PORT');
  // The web's own ports are left out by URL, though somebody named them.
  const port = url.port || /:(\d+)\/?$/.exec(text)?.[1] || '2379';
  return `${url.protocol}//${url.hostname}:${port}`;
}

const PREFIX_ERROR = `is not the start of keys, such as ${FLANNEL_PREFIX}`;

/** As flannel's: without the slash at its end. */
function checkedPrefix(text: string): string {
  const prefix = text.replace(/\/+$/, '');
  const parts = prefix.replace(/^\//, '').split('/');
  const clean = /^[\x21-\x7e]{1,200}$/.test(prefix) && !parts.some((part) => ['', '.', '..'].includes(part));
  if (!clean) throw invalid('--etcd-prefix', text, PREFIX_ERROR);
  const ours = CAUSEWAY_PREFIX.slice(0, CAUSEWAY_PREFIX.lastIndexOf('/'));
  if (prefix === ours || prefix.startsWith(`${ours}/`))
    throw invalid('--etcd-prefix', text, `is among our own keys, which start with ${ours}/`);
  return prefix;
}

function tlsOf(flags: EtcdFlags): EtcdSettings['tls'] {
  const [caFile, certFile, keyFile] = [flags.etcdCafile, flags.etcdCertfile, flags.etcdKeyfile];
  if (certFile && !keyFile)
    throw invalid('--etcd-certfile', certFile, 'needs its private key, --etcd-keyfile');
  if (keyFile && !certFile)
    throw invalid('--etcd-keyfile', keyFile, 'needs its certificate, --etcd-certfile');
  if (!caFile && !certFile) return undefined;
  return {
    ...(caFile ? { caFile } : {}),
    ...(certFile && keyFile ? { certFile, keyFile } : {}),
  };
}

function userOf(flags: EtcdFlags, password: string | undefined): EtcdUser | undefined {
  const { etcdUsername: username, etcdPasswordFile: passwordFile } = flags;
  if (!username) {
    if (!passwordFile) return undefined;
    throw invalid('--etcd-password-file', passwordFile, 'needs a user, --etcd-username');
  }
  if (passwordFile && password !== undefined)
    throw invalid(
      '--etcd-password-file',
      passwordFile,
      `is given beside ${ETCD_PASSWORD_ENV}: one of them is needed`,
    );
  if (passwordFile) return { username, passwordFile };
  if (password !== undefined) return { username, password };
  throw invalid(
    '--etcd-username',
    username,
    `needs --etcd-password-file, or ${ETCD_PASSWORD_ENV} in the environment`,
  );
}
