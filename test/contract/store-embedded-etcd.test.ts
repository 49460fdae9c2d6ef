import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EmbeddedEtcd, startEmbeddedEtcd } from '@causeway/controller/embedded-etcd';
import { start } from '@causeway/shared/programs/start';
import { openEtcdStore } from '@causeway/shared/store/etcd';
import type { Store } from '@causeway/shared/store/store';
import { build } from 'esbuild';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { etcdProgram, freePorts } from '../support/etcd.ts';
import { patient } from '../support/store.ts';

let dataDir: string;
let ports: { clientPort: number; peerPort: number };
let undo: (() => void | Promise<void>)[];
let log: string[];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'causeway-embedded-'));
  const [clientPort = 0, peerPort = 0] = await freePorts(2);
  ports = { clientPort, peerPort };
  log = [];
  undo = [() => rmSync(dataDir, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const one of undo.reverse()) await one();
});

async function boot(): Promise<{ etcd: EmbeddedEtcd; store: Store }> {
  const etcd = await startEmbeddedEtcd({
    ...ports,
    dataDir,
    listen: '127.0.0.1',
    program: etcdProgram(),
    log: (_level, text) => log.push(text),
  });
  undo.push(() => etcd.stop());
  const store = openEtcdStore({ endpoints: etcd.endpoints });
  undo.push(() => store.close());
  return { etcd, store };
}

const up = (store: Store) => vi.waitFor(() => store.ping(), patient);

describe('the embedded etcd', () => {
  it('comes up, is started again when it is killed, and keeps its data', async () => {
    const { etcd, store } = await boot();
    await up(store);
    await store.transaction([], [{ put: '/k', value: 'v' }]);
    const first = etcd.pid;
    expect(readFileSync(join(dataDir, 'etcd.pid'), 'utf8')).toBe(`${first}\n`);
    process.kill(first ?? 0, 'SIGKILL');
    await vi.waitFor(() => expect(log.join('\n')).toContain('etcd ended, SIGKILL'), patient);
    await up(store);
    expect((await store.get('/k'))?.value).toBe('v');
    expect(etcd.pid).not.toBe(first);
  });

  it('stops in order, leaving no process and no pid file', async () => {
    const { etcd, store } = await boot();
    await up(store);
    const pid = etcd.pid;
    await etcd.stop();
    expect(etcd.pid).toBeUndefined();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(existsSync(join(dataDir, 'etcd.pid'))).toBe(false);
    await expect(store.ping()).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('ends an etcd that a former controller left on its data', async () => {
    const first = await boot();
    await up(first.store);
    await first.store.transaction([], [{ put: '/k', value: 'v' }]);
    const left = first.etcd.pid;
    const second = await boot();
    await up(second.store);
    expect((await second.store.get('/k'))?.value).toBe('v');
    expect(log.join('\n')).toContain(`ending etcd process ${left}`);
    await first.etcd.stop();
  });

  it('dies with its controller, even when that is killed', async () => {
    const lines: string[] = [];
    const script = join(dataDir, 'controller.cjs');
    const options = { ...ports, dataDir: join(dataDir, 'data'), listen: '127.0.0.1', program: etcdProgram() };
    const contents = `
      import { startEmbeddedEtcd } from '@causeway/controller/embedded-etcd';
      startEmbeddedEtcd({ ...${JSON.stringify(options)}, log: () => {} }).then((etcd) => console.log(etcd.pid));
    `;
    await build({
      stdin: { contents, resolveDir: import.meta.dirname, loader: 'ts' },
      outfile: script,
      bundle: true,
      platform: 'node',
      logLevel: 'error',
    });
    const parent = start(process.execPath, [script], { onLine: (line) => lines.push(line) });
    await vi.waitFor(() => expect(lines).toHaveLength(1), patient);
    const store = openEtcdStore({ endpoints: [`http://127.0.0.1:${ports.clientPort}`] });
    undo.push(() => store.close());
    // An etcd that is still starting would die of its closed standard error by itself.
    await up(store);
    parent.kill('SIGKILL');
    await parent.exited;
    const isRunning = () => {
      const stat = existsSync(`/proc/${lines[0]}/stat`) ? readFileSync(`/proc/${lines[0]}/stat`, 'utf8') : '';
      return stat !== '' && !stat.includes(') Z ');
    };
    await vi.waitFor(() => expect(isRunning()).toBe(false), patient);
  });

  it('says which program is missing', async () => {
    const options = { ...ports, dataDir, listen: '127.0.0.1', log: () => {} };
    await expect(startEmbeddedEtcd({ ...options, program: '/nowhere/etcd' })).rejects.toMatchObject({
      code: 'not-found',
      message: expect.stringContaining('/nowhere/etcd'),
    });
    await expect(startEmbeddedEtcd({ ...options, listen: 'host-1' })).rejects.toMatchObject({
      code: 'invalid',
      message: 'etcd-listen "host-1" is not an IPv4 address',
    });
  });
});
