import { CausewayError } from '../errors.ts';
import { isAuthDisabled, isTokenRefused } from './etcd-errors.ts';

/** What goes with a call besides its message (gRPC's metadata). */
export interface Metadata {
  set(key: string, value: string): void;
}

/** Where etcd3 takes that from, before every call and stream. */
interface Authenticator {
  getMetadata(): Promise<Metadata>;
  invalidateMetadata(): void;
}

export interface Tokens {
  /** @returns undefined when etcd asks nobody who he is */
  current(): Promise<string | undefined>;
  /** The next call asks for another one. */
  forget(): void;
}

/**
 * Keeps the token of a user of etcd's. One question at a time, however many calls wait for it.
 *
 * @param login trades the password for a token
 */
export function tokenKeeper(login: () => Promise<string>): Tokens {
  let asked: Promise<string | undefined> | undefined;
  const ask = async (): Promise<string | undefined> => {
    try {
      return await login();
    } catch (error) {
      if (isAuthDisabled(error)) return undefined;
      asked = undefined;
      throw error;
    }
  };
  return {
    current: () => {
      asked ??= ask();
      return asked;
    },
    forget: () => {
      asked = undefined;
    },
  };
}

/**
 * Makes etcd3 send what every call of ours needs. Its own way to a token leaves a connection open for each one, and
 * goes through the proxy that a user's environment names for the web, with the password. And a member that has lost
 * its cluster must say so, as etcd's own client asks it to, or a watch on it would be silent for ever.
 *
 * @param pool etcd3's, which keeps its authenticator to itself
 */
export function sendWithEveryCall(pool: object, tokens: Tokens | undefined): void {
  const authenticator: unknown = Reflect.get(pool, 'authenticator');
  if (!isAuthenticator(authenticator))
    throw new CausewayError('internal', 'opening etcd: this version of etcd3 has no authenticator');
  const empty = authenticator.getMetadata.bind(authenticator);
  authenticator.getMetadata = async () => {
    const metadata = await empty();
    metadata.set('hasleader', 'true');
    const token = await tokens?.current();
    if (token !== undefined) metadata.set('token', token);
    return metadata;
  };
  authenticator.invalidateMetadata = () => tokens?.forget();
}

/** Asks once more with another token when etcd refused the one that went along; it has done nothing then. */
export async function withFreshToken<T>(tokens: Tokens | undefined, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (tokens === undefined || !isTokenRefused(error)) throw error;
    tokens.forget();
    return ask();
  }
}

function isAuthenticator(value: unknown): value is Authenticator {
  return (
    typeof value === 'object' && value !== null && 'getMetadata' in value && 'invalidateMetadata' in value
  );
}
