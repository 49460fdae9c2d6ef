import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findServer, parseServer } from './discover.ts';

describe('an address of a controller', () => {
  it('is a URL or a socket', () => {
    expect(parseServer('server', 'http://10.0.0.1:7480/')).toMatchObject({ text: 'http://10.0.0.1:7480' });
    for (const text of ['unix:/run/x.sock', 'unix:///run/x.sock'])
      expect(parseServer('server', text)).toEqual({ text: 'unix:/run/x.sock', socketPath: '/run/x.sock' });
  });

  it.each([
    'host-1:7480',
    '',
    'ftp://x',
    'http://',
    'unix:',
    'http://a b',
    'http://a\nb',
    'http://h:99999',
    'http://h/?a=b',
  ])('is not %j', (text) =>
    expect(() => parseServer('server', text)).toThrow(/^server ".*" (is neither|names no|has more)/),
  );
});

describe('where svcctl looks for one', () => {
  let folder = '';
  const dead = 2 ** 22 + 1;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'svcctl-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const localSocket = () => join(folder, 'controller.sock');
  const labs = () => join(folder, 'labs');
  const around = (env: Record<string, string> = {}) => ({
    env: { CAUSEWAY_LAB_DIR: labs(), ...env },
    uid: 0,
    localSocket: localSocket(),
  });

  function makeLab(name: string, initPid: number, startedAt: string, withSocket = true): string {
    const run = join(labs(), name, 'hosts/host-1/run/causeway');
    mkdirSync(run, { recursive: true });
    writeFileSync(join(labs(), name, 'state.json'), JSON.stringify({ name, initPid, startedAt }));
    if (withSocket) writeFileSync(join(run, 'controller.sock'), '');
    return join(run, 'controller.sock');
  }

  it('is the flag, then the environment, then the local socket, then the lab', () => {
    const lab = makeLab('a', process.pid, '2026-01-01T00:00:00Z');
    expect(findServer(undefined, around()).socketPath).toBe(lab);
    writeFileSync(localSocket(), '');
    expect(findServer(undefined, around()).socketPath).toBe(localSocket());
    const env = { SVCCTL_SERVER: 'http://b:1' };
    expect(findServer(undefined, around(env)).text).toBe('http://b:1');
    expect(findServer('http://c:2', around(env)).text).toBe('http://c:2');
  });

  it('is the newest lab that lives', () => {
    makeLab('old', process.pid, '2026-01-01T00:00:00Z');
    const newer = makeLab('newer', process.pid, '2026-01-02T00:00:00Z');
    makeLab('newest-but-dead', dead, '2026-01-03T00:00:00Z');
    makeLab('starting', process.pid, '2026-01-04T00:00:00Z', false);
    mkdirSync(join(labs(), 'rubbish'));
    writeFileSync(join(labs(), 'rubbish', 'state.json'), '{');
    expect(findServer(undefined, around()).socketPath).toBe(newer);
  });

  it('is told, when nothing is there, together with what to do', () => {
    expect(() => findServer(undefined, around())).toThrow(
      `no controller found: SVCCTL_SERVER is not set, there is no socket ${localSocket()} and no running lab in ` +
        `${labs()}; start one with \`npm start\`, or name one with --server http://HOST:7480`,
    );
  });

  it('is told that a lab is up whose controller is not', () => {
    makeLab('quiet', process.pid, '2026-01-01T00:00:00Z', false);
    expect(() => findServer(undefined, around())).toThrow(
      'the lab "quiet" is up, but no controller in it; start it with `npm run lab -- controller start --name quiet`',
    );
  });

  it('names the variable that is wrong', () => {
    expect(() => findServer(undefined, around({ SVCCTL_SERVER: 'x' }))).toThrow(
      /^SVCCTL_SERVER "x" is neither/,
    );
  });
});
