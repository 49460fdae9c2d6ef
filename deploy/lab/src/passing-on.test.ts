import { expect, it } from 'vitest';
import { addedIn, type Control, nameOfGroup, passOn, takeBack } from './passing-on.ts';

/** A group as the kernel keeps it. @param used what groups below pass on */
function groupOf(has: string[], passes: string[], used: string[] = []): Control {
  const on = new Set(passes);
  return {
    read: () => `${[...on].join(' ')}\n`,
    write: (change) => {
      const controller = change.slice(1);
      if (!has.includes(controller)) throw new Error('ENOENT');
      if (change.startsWith('+')) on.add(controller);
      else if (used.includes(controller)) throw new Error('EBUSY');
      else on.delete(controller);
    },
  };
}

it('adds what is missing, and takes back that and no more', () => {
  const group = groupOf(['cpu', 'memory', 'pids'], ['pids', 'memory']);
  const { added, canLimit } = passOn(group);
  expect([added, canLimit, group.read()]).toEqual([['cpu'], true, 'pids memory cpu\n']);
  takeBack(group, added);
  expect(group.read()).toBe('pids memory\n');
});

it('tells what it has added although not all can be', () => {
  expect(passOn(groupOf(['cpu'], []))).toEqual({ added: ['cpu'], canLimit: false });
});

it('leaves what another group needs', () => {
  const group = groupOf(['cpu', 'memory'], [], ['cpu']);
  takeBack(group, passOn(group).added);
  expect(group.read()).toBe('cpu\n');
});

it('names a group after what was added for it, and for the labs beside it', () => {
  const first = nameOfGroup('demo-1', ['cpu'], ['system.slice', 'other+memory']);
  expect([first, addedIn(first)]).toEqual(['causeway-lab-demo-1+cpu', ['cpu']]);
  expect(nameOfGroup('two', [], ['system.slice', first])).toBe('causeway-lab-two+cpu');
  expect(addedIn(nameOfGroup('none', [], []))).toEqual([]);
});
