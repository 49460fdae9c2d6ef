import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { parseReport } from './conmon.ts';
import { createImageSupply } from './image-supply.ts';
import { resolveUser } from './image-user.ts';
import { type Ending, verdict } from './lifecycle.ts';
import { fileInside } from './rootfs.ts';
import { seccompProfile } from './seccomp.ts';
import { signalOf } from './stop.ts';

const spec: ContainerSpec = { name: 'c', host: 'h', command: ['true'], files: {} };
const process = { pid: 7, startTime: '1', bootId: 'b' };
const record = { name: 'c', specHash: 'x', process };

describe('the signal that asks one to end', () => {
  it('is the one that its image names, also a real-time one (systemd), else SIGTERM', () => {
    expect(['QUIT', 'SIGQUIT', '3'].map(signalOf)).toEqual([3, 3, 3]);
    expect(['SIGRTMIN+3', 'RTMIN', 'SIGRTMAX-1'].map(signalOf)).toEqual([37, 34, 63]);
    for (const none of [undefined, '', 'NOPE', '0', '65', 'SIGRTMIN+99', '9 9'])
      expect(signalOf(none)).toBe(15);
  });
});

describe('one that does not run', () => {
  const after = (more: Partial<ContainerSpec>, ending: Partial<Ending>) => {
    const found = verdict(
      { ...spec, ...more },
      { record, exitCode: undefined, outOfMemory: false, rebooted: false, hash: 'x', ...ending },
    );
    return found.kind === 'start' ? 'start' : found.state;
  };

  it.each([
    ['always', 0, 'start'],
    ['always', 1, 'start'],
    ['on-failure', 0, 'exited'],
    ['on-failure', 137, 'start'],
    ['no', 0, 'exited'],
    ['no', 1, 'exited'],
  ] as const)('with %s and exit code %i: %s', (restart, exitCode, expected) => {
    expect(after({ restart }, { exitCode })).toBe(expected);
    // A reboot changes nothing about an end before it.
    expect(after({ restart }, { exitCode, rebooted: true })).toBe(expected);
  });

  it('starts whatever its policy when it was never tried, never began, went down with its host, or is another', () => {
    const policy: Partial<ContainerSpec> = { restart: 'no' };
    expect(after(policy, { record: undefined })).toBe('start');
    expect(after(policy, { record: { name: 'c', specHash: 'x' } })).toBe('start');
    expect(after(policy, { rebooted: true })).toBe('start');
    expect(after(policy, { exitCode: 0, hash: 'y' })).toBe('start');
    expect(after({ ...policy, generation: 1 }, { exitCode: 0 })).toBe('start');
    expect(after(policy, {})).toBe('exited');
  });

  it('says why it was killed, where the kernel tells', () => {
    const ending = { record, exitCode: 137, outOfMemory: true, rebooted: false, hash: 'x' };
    const why = 'it has ended with exit code 137: the kernel killed a program of it for want of memory';
    expect(verdict(spec, ending)).toMatchObject({ kind: 'start', why });
    expect(verdict(spec, { ...ending, outOfMemory: false })).toMatchObject({
      why: 'it has ended with exit code 137',
    });
  });

  it('rests as its user wants, and as it was left', () => {
    expect(after({ want: 'stopped' }, { record: undefined })).toBe('stopped');
    expect(after({}, { record: { ...record, rests: 'stopped' } })).toBe('start');
    const exited = { ...record, rests: 'exited' as const, exitCode: 0 };
    expect(after({ restart: 'on-failure' }, { record: exited, rebooted: true })).toBe('exited');
    expect(after({ restart: 'always' }, { record: exited })).toBe('start');
  });
});

describe('a user', () => {
  const passwd = 'root:x:0:0:r:/root:/bin/sh\nwww:x:33:34::/var/www:\n';
  const group = 'root:x:0:\nweb:x:34:\nlog:x:4:www,other\n';

  it.each([
    ['0', { uid: 0, gid: 0, additionalGids: [], home: '/root' }],
    ['www', { uid: 33, gid: 34, additionalGids: [4], home: '/var/www' }],
    ['33', { uid: 33, gid: 34, additionalGids: [4], home: '/var/www' }],
    ['www:log', { uid: 33, gid: 4, additionalGids: [], home: '/var/www' }],
    ['1000', { uid: 1000, gid: 0, additionalGids: [], home: '/' }],
    ['1000:100', { uid: 1000, gid: 100, additionalGids: [], home: '/' }],
  ])('is found: %s', (user, ids) => {
    expect(resolveUser(user, passwd, group)).toEqual(ids);
  });

  it.each(['nobody', 'www:none', '', '-1', '99999999999'])('is refused: %j', (user) => {
    expect(() => resolveUser(user, passwd, group)).toThrow(/^user /);
  });
});

describe('a path inside of a root', () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), 'causeway-root-'));
    mkdirSync(`${root}/bin`);
    symlinkSync('bin', `${root}/sbin`);
    symlinkSync('/bin', `${root}/absolute`);
    symlinkSync('../../../../etc', `${root}/up`);
    symlinkSync('loop', `${root}/loop`);
    writeFileSync(`${root}/file`, '');
  });
  afterEach(() => rmSync(root, { recursive: true }));

  it('follows links as the container does, and never leads out', async () => {
    expect(await fileInside(root, '/sbin/x', true)).toBe(`${root}/bin/x`);
    expect(await fileInside(root, '/absolute/y')).toBe(`${root}/bin/y`);
    expect(await fileInside(root, '/up/passwd')).toBe(`${root}/etc/passwd`);
    expect(await fileInside(root, '/../../../z')).toBe(`${root}/z`);
    await expect(fileInside(root, '/loop/x')).rejects.toThrow(/too many links/);
    await expect(fileInside(root, '/file/x')).rejects.toThrow(/no folder/);
  });
});

describe('an image', () => {
  it('that has to be brought holds nobody up, is brought once, and wakes when it has come or cannot come', async () => {
    const image = { digest: '', lowers: [], config: { entrypoint: [], cmd: [], env: [] } };
    let here = false;
    let settle: (error?: Error) => void = () => undefined;
    const ready = vi.fn(async () => {
      if (here) return image;
      await new Promise<void>((resolve, reject) => {
        settle = (error) => (error === undefined ? resolve() : reject(error));
      });
      return image;
    });
    const wake = vi.fn();
    const supply = createImageSupply({ ready, isHere: async () => here }, wake);
    const ref = { name: 'web', digest: 'sha256:1' };
    expect(await Promise.all([supply.take(ref), supply.take(ref)])).toEqual([undefined, undefined]);
    expect(ready).toHaveBeenCalledTimes(1);
    settle(new Error('nobody has it'));
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(1), { timeout: 20_000 });
    await expect(supply.take(ref)).rejects.toThrow('nobody has it');
    expect(await supply.take(ref)).toBeUndefined();
    here = true;
    settle();
    await vi.waitFor(() => expect(wake).toHaveBeenCalledTimes(2), { timeout: 20_000 });
    expect(await supply.take(ref)).toBe(image);
  });
});

describe('small words', () => {
  it('of monitors, signals and filters', () => {
    expect(parseReport('{"data": 35}')).toMatchObject({ data: 35 });
    expect(parseReport('{"data": -1, "message": "no\\n"}')).toEqual({ data: -1, message: 'no' });
    expect(parseReport('x').message).toContain('its monitor said x');
    expect(seccompProfile('x64')).toMatchObject({ defaultAction: 'SCMP_ACT_ERRNO' });
    expect(JSON.stringify(seccompProfile('x64'))).not.toMatch(
      /"(mount|unshare|setns|bpf|init_module|kexec_load)"/,
    );
    expect(seccompProfile('sparc')).toBeUndefined();
  });
});
