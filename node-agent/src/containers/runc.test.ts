import { execFileSync } from 'node:child_process';
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { runcStart } from './runc.ts';

const INIT = { pid: 1, startTime: '1', bootId: 'b' };
/** What the first process does when it is looked at; false: it has ended. */
let look: () => boolean;
vi.mock('./processes.ts', () => ({ isAlive: () => look() }));

let root: string;
let fifo: string;
let writer: number;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'causeway-runc-'));
  fifo = join(root, 'web/exec.fifo');
  mkdirSync(join(root, 'web'));
  execFileSync('mkfifo', [fifo]);
  writer = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
});
afterEach(() => {
  closeSync(writer);
  rmSync(root, { recursive: true });
});

const begins = () => writeSync(writer, '0');

it('has started a program that begins after a while', async () => {
  let looks = 0;
  look = () => {
    if (looks++ === 3) begins();
    return true;
  };
  await runcStart(root, 'web', INIT);
  expect([looks, existsSync(fifo)]).toEqual([4, false]);
});

it('has started a program that has begun and ended between two looks', async () => {
  look = () => {
    begins();
    return false;
  };
  await runcStart(root, 'web', INIT);
  expect(existsSync(fifo)).toBe(false);
});

it('says that one has ended without a beginning', async () => {
  look = () => false;
  await expect(runcStart(root, 'web', INIT)).rejects.toMatchObject({
    message: 'starting container web: it ended before its program ran',
  });
});

it('gives up one that neither begins nor ends', async () => {
  look = () => true;
  await expect(runcStart(root, 'web', INIT, 20)).rejects.toMatchObject({
    code: 'timeout',
    message: 'starting container web: its program has not begun within 20 ms',
  });
});
