import { text } from 'node:stream/consumers';
import { expect, it } from 'vitest';
import { through } from './through.ts';

async function* of(...parts: string[]) {
  for (const part of parts) yield Buffer.from(part);
}

it('hands a program what it reads, and yields what it prints', async () => {
  expect(await text(through(of('b\n', 'a\n'), 'sort', []))).toBe('a\nb\n');
});

it('throws what its source throws', async () => {
  async function* broken() {
    yield Buffer.from('half');
    throw new Error('no more of it');
  }
  await expect(text(through(broken(), 'cat', []))).rejects.toThrow('no more of it');
});

it('says what it was for when the program fails', async () => {
  const failing = through(of('x'), 'sh', ['-c', 'echo broken >&2; exit 3'], { doing: 'unpacking y' });
  await expect(text(failing)).rejects.toMatchObject({
    code: 'command-failed',
    message: expect.stringMatching(/^unpacking y: `sh -c .*`: exit 3: broken$/),
  });
});

it('takes no offence at a program that has read enough', async () => {
  async function* endless() {
    for (;;) yield Buffer.alloc(65_536);
  }
  expect((await text(through(endless(), 'head', ['-c', '10']))).length).toBe(10);
});

it('ends the program when nobody reads on', async () => {
  let released = false;
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(65_536);
    } finally {
      released = true;
    }
  }
  for await (const chunk of through(endless(), 'cat', [])) {
    expect(chunk.length).toBeGreaterThan(0);
    break;
  }
  await expect.poll(() => released).toBe(true);
});
