import { existsSync, linkSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Rig, startRig } from '../../test/support/controller.ts';
import { listen } from './serve.ts';

let rig: Rig;
let directory: string;
let socket: string;

beforeEach(async () => {
  rig = await startRig();
  directory = mkdtempSync(join(tmpdir(), 'causeway-serve-'));
  socket = join(directory, 'run', 'controller.sock');
});

afterEach(async () => {
  await rig.close();
  rmSync(directory, { recursive: true, force: true });
});

const address = { host: '127.0.0.1', port: 0 };

function getOverSocket(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const ask = request({ socketPath: socket, path, agent: false }, (reply) => {
      let text = '';
      reply.on('data', (chunk) => {
        text += chunk;
      });
      reply.on('end', () => resolve(text));
    });
    ask.on('error', reject);
    ask.end();
  });
}

/** Leaves a socket's file behind, as a killed process does. */
async function leaveStale(): Promise<void> {
  mkdirSync(join(directory, 'run'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, 'old.sock'), resolve));
  linkSync(join(directory, 'old.sock'), socket);
  await new Promise((resolve) => server.close(resolve));
}

describe('listen', () => {
  it('serves one app over TCP and a unix socket', async () => {
    const listening = await listen(rig.app, { ...address, socket });
    expect(await getOverSocket('/livez')).toBe('ok\n');
    expect(await (await fetch(`${listening.url}/livez`)).text()).toBe('ok\n');
    expect((statSync(socket).mode & 0o777).toString(8)).toBe('660');
    await listening.close();
    expect(existsSync(socket)).toBe(false);
  });

  it('replaces the socket that a killed controller left', async () => {
    await leaveStale();
    expect(existsSync(socket)).toBe(true);
    const listening = await listen(rig.app, { ...address, socket });
    expect(await getOverSocket('/livez')).toBe('ok\n');
    await listening.close();
  });

  it('leaves a socket alone at which somebody answers', async () => {
    mkdirSync(join(directory, 'run'));
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(socket, resolve));
    await expect(listen(rig.app, { ...address, socket })).rejects.toThrow(
      `listening on ${socket}: another controller answers there`,
    );
    await new Promise((resolve) => other.close(resolve));
  });

  it('leaves a file alone that is no socket', async () => {
    mkdirSync(join(directory, 'run'));
    writeFileSync(socket, 'mine');
    await expect(listen(rig.app, { ...address, socket })).rejects.toThrow('it exists and is no socket');
    expect(existsSync(socket)).toBe(true);
  });

  it('says which TCP address is taken, and leaves no socket', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const taken = other.address();
    const port = typeof taken === 'object' && taken !== null ? taken.port : 0;
    await expect(listen(rig.app, { host: '127.0.0.1', port, socket })).rejects.toThrow(
      `listening on 127.0.0.1:${port}: another process listens there`,
    );
    expect(existsSync(socket)).toBe(false);
    await new Promise((resolve) => other.close(resolve));
  });
});
