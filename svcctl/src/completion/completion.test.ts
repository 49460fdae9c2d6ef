import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../cli.ts';
import { fakeIo } from '../support/fake-io.ts';

async function script(shell: string): Promise<string> {
  const io = fakeIo();
  expect(await run(['completion', shell], io)).toBe(0);
  return io.stdout();
}

describe('bash', () => {
  let folder = '';
  let file = '';
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'svcctl-'));
    file = join(folder, 'completion.bash');
    writeFileSync(file, await script('bash'));
    // Stands in for svcctl where the script asks for names.
    writeFileSync(
      join(folder, 'svcctl'),
      '#!/bin/sh\n[ "$1 $3 $4" = "get -o name" ] && echo "x/$2-1" && echo "x/$2-2" && echo "x/\\$(touch \\$HOME/obeyed)"\n' +
        '[ "$1 $2 $3 $4" = "image ls -o name" ] && echo image/web:1 && echo image/web:2 && echo image/reg.example/db\n',
    );
    chmodSync(join(folder, 'svcctl'), 0o755);
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** What <Tab> offers after these words; the last one is being typed. */
  function offered(...words: string[]): string[] {
    const line = `source ${file}; COMP_WORDS=(svcctl "$@"); COMP_CWORD=$#; _svcctl; printf '%s\\n' "\${COMPREPLY[@]}"`;
    // A colon is a word of its own, and stands in the line between its neighbours.
    const typed = `svcctl ${words.join(' ').replace(/ : ?/, ':')}`;
    const cut = { COMP_LINE: typed, COMP_POINT: `${typed.length}`, COMP_WORDBREAKS: ' \t\n:' };
    const env = { ...cut, PATH: `${folder}:${process.env.PATH ?? ''}`, HOME: folder };
    const text = execFileSync('bash', ['--norc', '-c', line, 'bash', ...words], { encoding: 'utf8', env });
    return text.split('\n').filter((word) => word !== '');
  }

  it('parses', () => {
    expect(execFileSync('bash', ['-n', file], { encoding: 'utf8' })).toBe('');
  });

  it('offers commands, types, options and their values', () => {
    expect(offered('un')).toEqual(['unexpose']);
    expect(offered('endpoint', '')).toEqual(['add', 'rm', 'weight', 'drain', 'list']);
    const kinds = ['nodes', 'subnets', 'services', 'endpoints', 'containers', 'workloads', 'policies'];
    expect(offered('get', '')).toEqual([...kinds, 'reservations', 'events']);
    expect(offered('delete', '')).toEqual(['service', 'container', 'workload', 'policy']);
    expect(offered('node', '')).toEqual(['reserve', 'release', 'cordon', 'uncordon', 'drain']);
    expect(offered('network', 'set', '--backend', '')).toEqual(['host-gw', 'vxlan']);
    expect(offered('expose', ':1', '--node')).toEqual(['--node-port']);
    expect(offered('expose', ':1', '--family', '')).toEqual(['ipv4', 'ipv6', 'dual']);
    expect(offered('expose', ':1', '--health', '')).toEqual(['tcp', 'http', 'https', 'command']);
    expect(offered('get', 'nodes', '-o', '')).toEqual(['wide', 'json', 'yaml', 'name']);
    expect(offered('completion', '')).toEqual(['bash', 'zsh', 'fish']);
  });

  it('offers the names of what is there', () => {
    expect(offered('get', 'nodes', '')).toEqual(['nodes-1', 'nodes-2']);
    expect(offered('node', 'drain', '')).toEqual(['nodes-1', 'nodes-2']);
    expect(offered('events', '--host', '')).toEqual(['nodes-1', 'nodes-2']);
    expect(offered('unexpose', '')).toEqual(['services-1', 'services-2']);
    expect(offered('endpoint', 'add', 'services-2')).toEqual(['services-2']);
    expect(offered('endpoint', 'drain', '')).toEqual(['services-1', 'services-2']);
    expect(offered('logs', '-f', '')).toEqual(['containers-1', 'containers-2']);
    expect(offered('exec', '')).toEqual(['containers-1', 'containers-2']);
    expect(offered('net', 'inspect', '')).toEqual(['containers-1', 'containers-2']);
    expect(offered('workload', 'rm', '')).toEqual(['workloads-1', 'workloads-2']);
    expect(offered('run', 'web-9', '--host', '')).toEqual(['nodes-1', 'nodes-2']);
  });

  it('offers images, whose names have colons, at which bash cuts words', () => {
    const images = ['web:1', 'web:2', 'reg.example/db'];
    expect(offered('image', 'rm', '')).toEqual(images);
    expect(offered('run', 'web-9', '--image', 'web')).toEqual(images.slice(0, 2));
    expect(offered('run', 'web-9', '--image', 'web', ':')).toEqual(['1', '2']);
    expect(offered('image', 'rm', 'web', ':', '2')).toEqual(['2']);
  });

  it('obeys nothing that a controller calls a name', () => {
    expect(offered('get', 'nodes', '')).toEqual(['nodes-1', 'nodes-2']);
    expect(existsSync(join(folder, 'obeyed'))).toBe(false);
  });

  it('offers files after -f', () => {
    expect(offered('apply', '-f', join(folder, 'compl'))).toEqual([file]);
  });
});

it.each(['zsh', 'fish'])('of %s names every command and option', async (shell) => {
  const text = await script(shell);
  for (const word of [
    'expose',
    'unexpose',
    'endpoint',
    'apply',
    'ipam',
    'workload',
    'node-port',
    'dry-run',
    'watch',
    'server',
  ])
    expect(text).toContain(word);
  // Quotes come in pairs on every line that is no comment.
  for (const line of text.split('\n').filter((one) => !one.startsWith('#')))
    expect(line.replaceAll("\\'", '').replaceAll("'\\''", '').split("'").length % 2, line).toBe(1);
});
