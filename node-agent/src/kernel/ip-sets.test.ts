import { run } from '@causeway/shared/programs/run';
import { expect, it, vi } from 'vitest';
import { intentOf } from '../../../test/support/intents.ts';
import { ipSetsFault, missingSets, restoring } from './ip-sets.ts';

vi.mock('@causeway/shared/programs/run', () => ({ run: vi.fn() }));
vi.mock('@causeway/shared/programs/environment', () => ({ isInstalled: () => true }));

it('asks the kernel whether it makes sets, and leaves none', async () => {
  const inputs: string[] = [];
  const answer = { exitCode: 0, stdout: '', stderr: '' };
  vi.mocked(run).mockImplementation(async (_command, _args, options) => {
    inputs.push(options?.input ?? '');
    return answer;
  });
  expect(await ipSetsFault()).toBeUndefined();
  const lines = inputs.join('').split('\n');
  for (const [verb, count] of [
    ['create', 2],
    ['destroy', 2],
  ] as const)
    expect(lines.filter((line) => line.startsWith(`${verb} CWY4-probe-`))).toHaveLength(count);
  vi.mocked(run).mockRejectedValue(new Error('Kernel error received:\n  set type not supported\n'));
  const fault = await ipSetsFault();
  const policies = [{ id: 'a1', subjects: ['10.10.1.2'] }];
  expect(missingSets([intentOf([])], fault)).toEqual([]);
  expect(missingSets([{ ...intentOf([]), policies }], undefined)).toEqual([]);
  expect(missingSets([{ ...intentOf([]), policies }], fault)).toEqual([
    expect.stringMatching(
      /^policies need ipsets with iptables, and there are none: .*: Kernel error received:; set type not supported$/,
    ),
  ]);
});

it('goes on where a set is still in use, and does nothing twice', async () => {
  const given: string[] = [];
  let refusals = 2;
  await restoring('del a 10.0.0.0/8\ndestroy a\ndestroy b\n', async (lines) => {
    given.push(lines);
    if (refusals-- > 0)
      throw new Error(
        `Error in line ${given.length === 1 ? 2 : 1}: Set cannot be destroyed: it is in use by a kernel component`,
      );
  });
  expect(given).toEqual([
    'del a 10.0.0.0/8\ndestroy a\ndestroy b\n',
    'destroy a\ndestroy b\n',
    'destroy a\ndestroy b\n',
  ]);
});

it('gives up at once on what is refused for another reason', async () => {
  const refusal = new Error('Error in line 1: Set with the given name does not exist');
  await expect(restoring('destroy a\n', () => Promise.reject(refusal))).rejects.toBe(refusal);
});
