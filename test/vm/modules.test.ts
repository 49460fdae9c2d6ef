import { expect, it } from 'vitest';
import { modulesInOrder } from './modules.ts';

const DEPENDENCIES = `kernel/net/9p.ko: kernel/net/wire.ko kernel/fs/cache.ko
kernel/net/wire.ko: kernel/drivers/ring-buffer.ko
kernel/drivers/ring-buffer.ko:
kernel/fs/cache.ko: kernel/drivers/ring-buffer.ko
kernel/fs/other.ko:
`;

it('puts what a module needs before it, once, and nothing else', () => {
  expect(modulesInOrder(['9p', 'ring_buffer'], DEPENDENCIES, '')).toEqual([
    ...['kernel/drivers/ring-buffer.ko', 'kernel/net/wire.ko'],
    ...['kernel/fs/cache.ko', 'kernel/net/9p.ko'],
  ]);
});

it('needs no file of what the kernel has in itself, and names what it has not', () => {
  expect(modulesInOrder(['overlay'], DEPENDENCIES, 'kernel/fs/overlay.ko\n')).toEqual([]);
  expect(() => modulesInOrder(['overlay'], DEPENDENCIES, '')).toThrow('it has no overlay');
});
