import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLab, openLab } from '@causeway/lab/lab';
import { liveLabs, sweep } from '@causeway/lab/state';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** Everything here happens in a directory of labs of its own. */
let base: string;
const outside = process.env.CAUSEWAY_LAB_DIR;

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'causeway-life-'));
  process.env.CAUSEWAY_LAB_DIR = base;
});

afterAll(() => {
  if (outside === undefined) delete process.env.CAUSEWAY_LAB_DIR;
  else process.env.CAUSEWAY_LAB_DIR = outside;
  rmSync(base, { recursive: true });
});

/** Processes whose command line or working directory lies in a lab of this test. */
function remains(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && name !== String(process.pid))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/mountinfo`, 'utf8').includes(base);
      } catch {
        return false;
      }
    });
}

function mayMakeGroups(): boolean {
  return readdirSync('/sys/fs/cgroup', { recursive: true, withFileTypes: true }).some((entry) => {
    if (entry.name !== 'cgroup.procs') return false;
    const probe = join(entry.parentPath, `causeway-probe-${process.pid}`);
    try {
      mkdirSync(probe);
      rmdirSync(probe);
      return true;
    } catch {
      return false;
    }
  });
}

const BARE = { bare: true, hosts: 2 } as const;

describe('the life of a lab', () => {
  it('leaves no process, mount or file when it goes down, and may go down twice', async () => {
    const lab = await createLab({ ...BARE, name: 'gone' });
    await lab.exec('host-1', ['sh', '-c', 'setsid sleep 1000 >/dev/null 2>&1 & ip netns add left-over']);
    await lab.exec('host-1', [
      'sh',
      '-c',
      'mkdir -p /run/a/b && touch /run/a/b/c && chmod 555 /run/a/b /run/a',
    ]);
    expect(remains().length).toBeGreaterThan(0);
    await lab.down();
    expect(remains()).toEqual([]);
    expect(readdirSync(base)).toEqual([]);
    await lab.down();
  });

  it('dies with the process that holds it, even one that is killed', async () => {
    const up = spawn(
      process.execPath,
      ['dist/bin/lab.cjs', 'up', '--foreground', '--bare', '--hosts', '2', '--name', 'held'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: process.env },
    );
    await new Promise<void>((resolve, reject) => {
      let said = '';
      up.stderr.on('data', (chunk) => {
        said += chunk;
        if (said.includes('is up')) resolve();
      });
      up.on('exit', () => reject(new Error(said)));
    });
    expect(remains().length).toBeGreaterThan(0);
    up.removeAllListeners('exit');
    up.kill('SIGKILL');
    await expect.poll(remains).toEqual([]);
    expect(existsSync(join(base, 'held'))).toBe(true);
    // A dying process loses its mounts before it counts as dead: only then is the lab swept.
    const swept = async () => {
      await sweep();
      return !existsSync(join(base, 'held'));
    };
    await expect.poll(swept).toBe(true);
  });

  it('stays when it is detached, and is found again', async () => {
    const first = await createLab({ ...BARE, name: 'stays', lifetime: 'detached' });
    const again = openLab('stays');
    expect((await again.exec('host-2', ['uname', '-n'])).stdout).toBe('host-2\n');
    await again.down();
    expect(() => openLab('stays')).toThrow('looking for the lab "stays": it is not up');
    await first.down();
  });

  it('refuses a name in use; attached, it takes the next free one', async () => {
    const labs = [await createLab({ ...BARE, name: 'demo' })];
    try {
      await expect(createLab({ ...BARE, name: 'demo', lifetime: 'detached' })).rejects.toThrow(
        'making the lab "demo": it is up already',
      );
      labs.push(await createLab({ ...BARE, name: 'demo' }));
      expect(labs.map((lab) => lab.name)).toEqual(['demo', 'demo-2']);
      expect(liveLabs().map((state) => state.name)).toEqual(['demo-2', 'demo']);
    } finally {
      for (const lab of labs) await lab.down();
    }
  });

  it('two can be made at the same moment', async () => {
    const labs = await Promise.all([1, 2, 3].map(() => createLab({ ...BARE, name: 'twin' })));
    expect(labs.map((lab) => lab.name).sort()).toEqual(['twin', 'twin-2', 'twin-3']);
    await Promise.all(labs.map((lab) => lab.down()));
    expect(readdirSync(base)).toEqual([]);
  });

  it('is not kept from its name by what a crash left behind', async () => {
    mkdirSync(join(base, 'crashed/hosts/host-1/run'), { recursive: true });
    writeFileSync(join(base, 'crashed/state.json'), '{"name":"crashed","initPid":1,"initStart":12345}');
    mkdirSync(join(base, 'half'));
    const lab = await createLab({ ...BARE, name: 'crashed', lifetime: 'detached' });
    expect(readdirSync(base)).toEqual(['crashed']);
    await lab.down();
  });

  it('has control groups of its own where its user may make some, and takes them away with everything in them', async () => {
    const lab = await createLab({ name: 'groups', hosts: 1, until: 'controller' });
    const { cgroup } = liveLabs()[0] ?? {};
    const make =
      'find /sys/fs/cgroup -mindepth 1 -maxdepth 2 -name cgroup.procs -printf "%h/mine\\n" | xargs mkdir';
    const { exitCode } = await lab.exec('host-1', ['sh', '-c', make]);
    const left = () =>
      readdirSync('/sys/fs/cgroup', { recursive: true }).filter((path) => `${path}`.includes(`${cgroup}`));
    expect([cgroup !== undefined, exitCode === 0, left().length > 0]).toEqual(Array(3).fill(mayMakeGroups()));
    await lab.down();
    expect(left()).toEqual([]);
  });

  it('leaves nothing behind when it cannot be made', async () => {
    await expect(createLab({ ...BARE, network: '10.10.0.0/30' })).rejects.toThrow('too small');
    await expect(createLab({ ...BARE, name: 'x'.repeat(31) })).rejects.toThrow('name');
    expect(readdirSync(base)).toEqual([]);
    expect(remains()).toEqual([]);
  });
});
