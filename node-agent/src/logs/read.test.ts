import { appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LogRequest, readLog } from './read.ts';

let folder: string;
let path: string;
const stop = new AbortController();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'causeway-log-'));
  path = join(folder, 'web.log');
});
afterEach(() => rmSync(folder, { recursive: true }));

const line = (text: string, flag = 'F') => `2026-11-21T21:38:21.841975003+00:00 stdout ${flag} ${text}\n`;

/** Reads on until all that was read, heartbeats aside, is that. */
async function reader(request: Partial<LogRequest> = {}) {
  const log = readLog(path, { follow: true, signal: stop.signal, ...request });
  let text = '';
  const until = async (wanted: string) => {
    while (text !== wanted) {
      const { done, value } = await log.next();
      if (done === true) throw new Error(`ended with ${text}`);
      text += value.toString().replace(/^\n/, '');
      if (!wanted.startsWith(text)) throw new Error(`is ${text}`);
    }
  };
  return { log, until };
}

it('reads what is there, and ends', async () => {
  writeFileSync(path, line('one') + line('two'));
  const parts: Buffer[] = [];
  for await (const part of readLog(path, { follow: false, signal: stop.signal, tail: 1 })) parts.push(part);
  expect(Buffer.concat(parts).toString()).toBe(line('two'));
});

it('has nothing where there is no log', async () => {
  const { done } = await readLog(path, { follow: false, signal: stop.signal }).next();
  expect(done).toBe(true);
});

it('goes on with whole lines, waits for a log, and ends when it is gone', async () => {
  const { log, until } = await reader({ tail: 0 });
  await log.next();
  writeFileSync(path, line('one'));
  await until(line('one'));
  appendFileSync(path, line('two').slice(0, 40));
  appendFileSync(path, line('two').slice(40) + line('three'));
  await until(line('one') + line('two') + line('three'));
  appendFileSync(path, line('last'));
  rmSync(path);
  await until(line('one') + line('two') + line('three') + line('last'));
  expect((await log.next()).done).toBe(true);
});

it('goes on in the file that takes the place of a full one, and loses nothing', async () => {
  writeFileSync(path, line('one'));
  const { log, until } = await reader();
  await until(line('one'));
  appendFileSync(path, line('two'));
  writeFileSync(`${path}.new`, line('three'));
  renameSync(`${path}.new`, path);
  await until(line('one') + line('two') + line('three'));
  appendFileSync(path, line('four'));
  await until(line('one') + line('two') + line('three') + line('four'));
  await log.return(undefined);
});
