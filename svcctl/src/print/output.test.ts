import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { node } from '../support/fake-controller.ts';
import { fakeIo } from '../support/fake-io.ts';
import { parseOutput, printData, printList, printObject } from './output.ts';

const hosts = { items: [node('host-1', 5), node('host-2', 5, { alive: false })], revision: 9 };

async function printed(output: 'wide' | 'json' | 'yaml' | 'name' | undefined): Promise<string> {
  const io = fakeIo();
  await printList(io, 'nodes', hosts, { output });
  return io.stdout();
}

it('prints a table of what matters', async () => {
  const lines = (await printed(undefined)).split('\n');
  expect(lines[0]).toMatch(/^NAME +STATE +ADDRESS +SUBNET +DATAPLANE +PROBLEMS +VERSION$/);
  expect(lines[2]).toMatch(/^host-2 +dead +192\.168\.122\.11 +10\.10\.1\.0\/24 +nftables +0 +0\.1\.0$/);
});

it('prints more when wide', async () => {
  expect(await printed('wide')).toMatch(/^NAME.*SERVICES-REVISION.*ID\n.*5 +4ms +0 +id-of-host-1$/m);
});

it('prints names that other commands take', async () => {
  expect(await printed('name')).toBe('node/host-1\nnode/host-2\n');
});

it('prints JSON and YAML that say the same', async () => {
  const json: unknown = JSON.parse(await printed('json'));
  expect(json).toMatchObject({ kind: 'List', revision: 9, items: [{ kind: 'Node', name: 'host-1' }, {}] });
  expect(parse(await printed('yaml'))).toEqual(json);
});

it('prints one object under its kind', async () => {
  const io = fakeIo();
  await printObject(io, 'nodes', node('host-1', 5), { output: 'json' });
  expect(JSON.parse(io.stdout())).toMatchObject({ kind: 'Node', name: 'host-1', alive: true });
});

it.each(['json', 'yaml'] as const)(
  'prints %s without raw control characters, and loses none',
  async (output) => {
    const value = { 'k\u0085ey': 'a\u001b[2J\u009b\u007f\u202e', text: 'two\nlines\n', tab: 'a\tb' };
    const io = fakeIo();
    await printData(io, value, output);
    expect(io.stdout()).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
    expect(parse(io.stdout())).toEqual(value);
  },
);

it('refuses other formats', () => {
  expect(() => parseOutput('xml')).toThrow('output "xml" is none of wide, json, yaml, name');
});
