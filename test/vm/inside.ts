import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { run } from '@causeway/shared/programs/run';
import { makeCgroups, removeCgroups } from '../../deploy/lab/src/cgroups.ts';
import type { ContainerNetwork } from '../../node-agent/src/containers/host-network.ts';
import { OUT_OF_MEMORY } from '../../node-agent/src/containers/lifecycle.ts';
import { createRuntime } from '../../node-agent/src/containers/runtime.ts';
import type { ContainerSpec, ContainerStatus } from '../../shared/src/model/container.ts';
import { groupsOf } from './groups.ts';

/** What an agent with all the powers of root does on a host of its own; each test leaves it as it was. */
const network: ContainerNetwork = {
  ...{ subnets: { ipv4: '10.10.1.0/24' }, gateways: { ipv4: '10.10.1.1' }, bridge: 'cwy0', mtu: 1450 },
};
const BRIDGE = 'ip link add cwy0 type bridge; ip address add 10.10.1.1/24 dev cwy0; ip link set cwy0 up';
const STATE = '/var/lib/causeway';
const MEBIBYTE = 2 ** 20;
const LOOK_MS = 100;
const PATIENCE_MS = 60_000;
/** Of all containers' users. */
const NOBODY = 1_900_000_000;

const runtime = createRuntime({ stateDir: STATE, runDir: '/run/causeway' });
const groups = groupsOf();
const limits: Partial<ContainerSpec> = { cpus: 0.5, memoryBytes: 64 * MEBIBYTE };

async function only(more: Partial<ContainerSpec> = {}): Promise<ContainerStatus> {
  const spec = { name: 'c', host: 'host-1', command: ['sleep', '1000'], files: {}, ...more };
  const [status] = (await runtime.reconcile([spec], network)).states;
  assert.ok(status !== undefined);
  return status;
}
async function pidOf(more: Partial<ContainerSpec> = {}): Promise<number> {
  const { state, reason, pid } = await only(more);
  assert.equal(state, 'running', reason);
  assert.ok(pid !== undefined);
  return pid;
}
/** @returns exit code and last word */
async function inside(script: string): Promise<string> {
  const { exitCode, said } = await runtime.exec('c', {
    ...{ command: ['sh', '-c', script], timeoutMs: PATIENCE_MS },
  });
  return `${exitCode} ${said}`.trim();
}
async function ends(more: Partial<ContainerSpec>): Promise<ContainerStatus> {
  for (;;) {
    const status = await only(more);
    if (status.state !== 'running') return status;
    await pause(LOOK_MS);
  }
}
async function removed(): Promise<void> {
  await runtime.reconcile([], network);
  assert.deepEqual(groups.find('/causeway/c'), []);
  assert.deepEqual(readdirSync('/run/netns'), []);
}

test('the lab has groups below which its hosts can limit, and takes back what they need', async () => {
  const before = groups.passesOn('/');
  const name = makeCgroups('vm');
  assert.ok(name !== undefined);
  assert.ok(groups.passesOn(name));
  await removeCgroups(name);
  assert.deepEqual(groups.find(name), []);
  assert.equal(groups.passesOn('/'), before);
});

test('a container has a group of its own, without limits when it has none', async () => {
  await run('sh', ['-ec', BRIDGE]);
  const pid = await pidOf();
  assert.ok(groups.hold('/causeway/c', pid));
  assert.deepEqual([groups.cpus('/causeway/c'), groups.memory('/causeway/c')], [undefined, undefined]);
  await removed();
});

test('limits are set, hold for what is run in it later, and go with it', async () => {
  const pid = await pidOf(limits);
  assert.ok(groups.hold('/causeway/c', pid));
  assert.equal(groups.cpus('/causeway/c'), 0.5);
  assert.equal(groups.memory('/causeway/c'), 64 * MEBIBYTE);
  assert.equal(groups.swap('/causeway/c'), 0);
  assert.match(await inside('timeout 2 sh -c "while :; do :; done"; true'), /^0/);
  assert.ok(groups.throttled('/causeway/c') > 0);
  assert.match(await inside('dd if=/dev/zero of=/dev/null bs=256M count=1'), /^137/);
  assert.equal((await only(limits)).state, 'running');
  await removed();
});

test('a program beyond its memory is killed, and its end says so', async () => {
  const eater = {
    ...limits,
    restart: 'no' as const,
    command: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=256M'],
  };
  const { state, exitCode, reason } = await ends(eater);
  assert.deepEqual([state, exitCode, reason], ['exited', 137, OUT_OF_MEMORY]);
  await removed();
});

test('a stopped container has no group, and a started one has its limits again', async () => {
  await pidOf(limits);
  const wanted = { ...limits, want: 'stopped' as const, stopSeconds: 0 };
  assert.equal((await ends(wanted)).state, 'stopped');
  assert.deepEqual(groups.find('/causeway/c'), []);
  await pidOf({ ...limits, generation: 1 });
  assert.equal(groups.cpus('/causeway/c'), 0.5);
  await removed();
});

test('devices that it makes lead nowhere', async () => {
  await pidOf();
  assert.match(await inside('mknod /memory c 1 1 && cat /memory'), /^1 .*not permitted/);
  assert.equal(await inside('head -c 1 /dev/zero | wc -c'), '0 1');
  await removed();
});

test('root of a user namespace is nobody outside, and its limits hold', async () => {
  const folder = '/run/shared';
  mkdirSync(folder, { recursive: true, mode: 0o777 });
  const pid = await pidOf({ ...limits, userNamespace: true });
  assert.match(readFileSync(`/proc/${pid}/uid_map`, 'utf8'), new RegExp(`^\\s*0\\s+${NOBODY}\\s+65536\\s*$`));
  assert.equal(await inside('id -u'), '0 0');
  assert.equal(await inside('touch /mine; stat -c %u /mine /bin | tr "\\n" " "'), '0 0 0');
  assert.equal(statSync(`${STATE}/roots/c/upper/mine`).uid, NOBODY);
  assert.match(await inside('cat /proc/1/ns/net; echo 1 > /proc/sys/vm/overcommit_memory'), /^[12] /);
  assert.equal(await inside('ip address show dev eth0 | grep -c 10.10.1.2/24'), '0 1');
  assert.equal(groups.memory('/causeway/c'), 64 * MEBIBYTE);
  assert.ok(groups.hold('/causeway/c', pid));
  await removed();
});

test('macvlan gives it a device on a link of the host', async () => {
  await run('sh', [
    '-ec',
    'ip link add wire type veth peer name other; ip link set wire up; ip link set other up',
  ]);
  await run('sh', ['-ec', 'ip address add 192.168.9.1/24 dev other']);
  const macvlan = { kind: 'macvlan' as const, device: 'wire', addresses: ['192.168.9.5/24'], gateways: [] };
  await pidOf({ network: macvlan });
  assert.equal(await inside('ping -c 1 -W 5 192.168.9.1 >/dev/null; echo $?'), '0 0');
  await removed();
});

test('all is gone after a clean-up, the parent of the groups too', async () => {
  await pidOf(limits);
  await runtime.removeAll();
  assert.deepEqual(groups.find('/causeway'), []);
  assert.ok(!existsSync(STATE) || readdirSync(STATE).length === 0);
});
