import { type StartOptions, start } from '@causeway/shared/programs/start';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { openIpSession } from './ip-session.ts';

vi.mock('@causeway/shared/programs/start', () => ({ start: vi.fn() }));

/** What was started, each an `ip` that refuses the mark and takes everything else. */
let programs: { readonly end: () => void; readonly heard: string[] }[];

function fakeIp(_command: string, _args: readonly string[], { onLine }: StartOptions = {}) {
  let end: () => void = () => undefined;
  const exited = new Promise<{ exitCode: number }>((resolve) => {
    end = () => resolve({ exitCode: 0 });
  });
  const heard: string[] = [];
  programs.push({ end, heard });
  const write = (text: string) => {
    heard.push(...text.trimEnd().split('\n'));
    onLine?.(`Command failed -:${heard.length}`, 'stderr');
  };
  return { pid: 1, exited, kill: () => true, write };
}

beforeEach(() => {
  vi.useFakeTimers();
  programs = [];
  vi.mocked(start).mockReset().mockImplementation(fakeIp);
});
afterEach(() => void vi.useRealTimers());

it('begins anew at once when its program has ended', async () => {
  const session = openIpSession();
  expect(await session.tell(['route add 10.10.2.0/24'])).toEqual(new Map());
  programs[0]?.end();
  await vi.advanceTimersByTimeAsync(0);
  expect(await session.tell(['route add 10.10.3.0/24'])).toEqual(new Map());
  expect(programs.map(({ heard }) => heard.length)).toEqual([2, 2]);
  session.close();
});

it('says that nobody has answered where no program can be started', async () => {
  vi.mocked(start).mockImplementation(() => {
    throw new Error('EAGAIN');
  });
  const session = openIpSession();
  session.renew();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await session.tell(['route add 10.10.2.0/24'])).toBeUndefined();
  session.close();
});
