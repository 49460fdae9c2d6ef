import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cgroupFor } from './cgroups.ts';

const spec: ContainerSpec = { name: 'c', host: 'h', command: [], files: {} };
const limited = { ...spec, cpus: 0.5, memoryBytes: 1024 };
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'causeway-cgroups-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const of = (one: ContainerSpec, inUserNamespace = false) =>
  cgroupFor(one, '/causeway', inUserNamespace, root);
/** A host with version 2, whose kernel has these controllers. */
function version2(controllers: string): void {
  writeFileSync(`${root}/cgroup.controllers`, `${controllers}\n`);
  writeFileSync(`${root}/cgroup.subtree_control`, '');
}

it('is there without limits but in a user namespace, and makes nothing itself', async () => {
  expect(await of(spec)).toEqual({ path: '/causeway/c', limitsSwap: false });
  expect(await of(spec, true)).toBeUndefined();
  expect(existsSync(`${root}/causeway`)).toBe(false);
});

it('limits swap where the kernel can, with version 1', async () => {
  for (const controller of ['cpu', 'memory']) mkdirSync(`${root}/${controller}`);
  expect(await of(limited)).toEqual({ path: '/causeway/c', limitsSwap: false });
  writeFileSync(`${root}/memory/memory.memsw.limit_in_bytes`, '');
  expect(await of(limited, true)).toEqual({ path: '/causeway/c', limitsSwap: true });
});

it('limits swap where the kernel can, with version 2, whose root does not say so', async () => {
  version2('cpuset cpu io memory pids');
  expect(await of(limited)).toEqual({ path: '/causeway/c', limitsSwap: false });
  expect(readFileSync(`${root}/cgroup.subtree_control`, 'utf8')).toBe('+memory');
  writeFileSync(`${root}/causeway/memory.swap.max`, 'max');
  expect(await of(limited)).toEqual({ path: '/causeway/c', limitsSwap: true });
});

it('says what the kernel has not, in one sentence', async () => {
  version2('cpuset cpu io pids');
  await expect(of(limited)).rejects.toThrow(
    /^container c cannot be limited \(cpus and memory\): this host's cgroups have no memory$/,
  );
});

it('asks nothing of a controller that is not needed', async () => {
  const slow = { ...spec, cpus: 0.5 };
  mkdirSync(`${root}/cpu`);
  expect(await of(slow)).toEqual({ path: '/causeway/c', limitsSwap: false });
  version2('cpuset cpu io pids');
  expect(await of(slow)).toEqual({ path: '/causeway/c', limitsSwap: false });
});

it('names the container that the kernel refuses to limit', async () => {
  writeFileSync(`${root}/cgroup.controllers`, 'cpu memory\n');
  mkdirSync(`${root}/cgroup.subtree_control`);
  await expect(of(limited)).rejects.toThrow(
    /^container c cannot be limited \(cpus and memory\): this agent may not make cgroups: EISDIR/,
  );
});

it('says which file it may not write to, of the version that the host has', async () => {
  await expect(of(limited)).rejects.toThrow(`this agent may not make cgroups: ${root}/cpu: ENOENT`);
  writeFileSync(`${root}/cgroup.controllers`, 'cpu memory\n');
  await expect(of(limited)).rejects.toThrow(
    `this agent may not make cgroups: ${root}/cgroup.subtree_control: ENOENT`,
  );
});
