import { describe, expect, it, vi } from 'vitest';
import { tokenKeeper, withFreshToken } from './etcd-auth.ts';

describe('tokenKeeper', () => {
  it('signs in once, however many ask, until it is told to forget', async () => {
    let n = 0;
    const login = vi.fn(async () => `token ${++n}`);
    const tokens = tokenKeeper(login);
    expect(await Promise.all([tokens.current(), tokens.current()])).toEqual(['token 1', 'token 1']);
    expect(await tokens.current()).toBe('token 1');
    tokens.forget();
    expect(await tokens.current()).toBe('token 2');
    expect(login).toHaveBeenCalledTimes(2);
  });

  it('tries again after a failure', async () => {
    const login = vi.fn(async () => 'token').mockRejectedValueOnce(new Error('authentication failed'));
    const tokens = tokenKeeper(login);
    await expect(tokens.current()).rejects.toThrow('authentication failed');
    expect(await tokens.current()).toBe('token');
  });

  it('does not go on asking an etcd that asks nobody', async () => {
    const login = vi.fn(async (): Promise<string> => {
      throw new Error('etcdserver: authentication is not enabled');
    });
    const tokens = tokenKeeper(login);
    expect([await tokens.current(), await tokens.current()]).toEqual([undefined, undefined]);
    expect(login).toHaveBeenCalledTimes(1);
  });
});

describe('withFreshToken', () => {
  const tokens = () => ({ current: async () => 'x', forget: vi.fn() });

  it.each(['invalid auth token', 'revision of auth store is old', 'user name is empty'])(
    'asks once more with another token: %s',
    async (text) => {
      const kept = tokens();
      const ask = vi.fn(async () => 'done').mockRejectedValueOnce(new Error(`etcdserver: ${text}`));
      expect(await withFreshToken(kept, ask)).toBe('done');
      expect(kept.forget).toHaveBeenCalledTimes(1);
    },
  );

  it('does not go on when that is refused too', async () => {
    const ask = vi.fn(async () => {
      throw new Error('etcdserver: invalid auth token');
    });
    await expect(withFreshToken(tokens(), ask)).rejects.toThrow('invalid auth token');
    expect(ask).toHaveBeenCalledTimes(2);
  });

  it.each([
    ['permission denied', tokens()],
    ['invalid auth token', undefined],
  ])('lets any other failure be: %s', async (text, kept) => {
    const ask = vi.fn(async () => {
      throw new Error(`etcdserver: ${text}`);
    });
    await expect(withFreshToken(kept, ask)).rejects.toThrow(text);
    expect(ask).toHaveBeenCalledTimes(1);
  });
});
