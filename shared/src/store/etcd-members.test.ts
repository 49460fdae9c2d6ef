import { describe, expect, it } from 'vitest';
import { memberPolicies } from './etcd-members.ts';

/** Members that do as they are told, asked as etcd3 asks them: a policy that throws before the call means the next. */
function cluster(answers: readonly (() => Promise<string>)[], now: () => number = () => 0, patienceMs = 0) {
  const { member, all } = memberPolicies(answers.length, now, patienceMs);
  const members = answers.map((answer) => ({ answer, policy: member() }));
  const calls = answers.map(() => 0);
  let next = 0;

  async function once(): Promise<string> {
    let last: unknown;
    for (let i = 0; i < members.length; i++) {
      const at = next++ % members.length;
      let called = false;
      try {
        return (await members[at]?.policy.execute(() => {
          called = true;
          calls[at] = (calls[at] ?? 0) + 1;
          return members[at]?.answer() ?? '';
        })) as string;
      } catch (error) {
        if (called) throw error;
        last = error;
      }
    }
    throw last;
  }
  return { ask: () => all.execute(once), calls };
}

const says = (text: string) => async () => text;
const fails = (text: string) => async (): Promise<string> => {
  throw new Error(text);
};
const REFUSED = '14 UNAVAILABLE: No connection established. Last error: connect ECONNREFUSED';
const SILENT = '4 DEADLINE_EXCEEDED: Deadline exceeded';

describe('a request', () => {
  it('goes to the next member when it surely was not carried out', async () => {
    const { ask, calls } = cluster([fails(REFUSED), fails('etcdserver: no leader'), says('done')]);
    expect(await ask()).toBe('done');
    expect(calls).toEqual([1, 1, 1]);
  });

  it.each([SILENT, '14 UNAVAILABLE: Connection dropped', 'etcdserver: leader changed'])(
    'is never sent twice when it may have been carried out: %s',
    async (text) => {
      const { ask, calls } = cluster([fails(text), says('twice')]);
      await expect(ask()).rejects.toThrow(text);
      expect(calls).toEqual([1, 0]);
    },
  );

  it('fails when no member is there', async () => {
    const { ask, calls } = cluster([fails(REFUSED), fails(REFUSED)]);
    await expect(ask()).rejects.toThrow('ECONNREFUSED');
    expect(calls).toEqual([1, 1]);
  });

  it('waits for a leader, but not for ever', async () => {
    let asked = 0;
    const elected = async () => {
      if (++asked < 4) throw new Error('etcdserver: no leader');
      return 'done';
    };
    expect(await cluster([elected, fails(REFUSED)], () => 0, 1).ask()).toBe('done');
    let clock = 0;
    const later = async () => {
      clock += 1;
      throw new Error('etcdserver: no leader');
    };
    const never = cluster([later], () => clock, 2);
    await expect(never.ask()).rejects.toThrow('no leader');
    expect(never.calls).toEqual([2]);
  });
});

describe('a member that did not answer', () => {
  it('is left alone for a while, then asked again', async () => {
    let clock = 0;
    const { ask, calls } = cluster([fails(SILENT), says('a'), says('b')], () => clock);
    await expect(ask()).rejects.toThrow('DEADLINE');
    for (let i = 0; i < 10; i++) await ask();
    expect(calls[0]).toBe(1);
    clock = 10_001;
    await expect(Promise.all(Array.from({ length: 3 }, ask))).rejects.toThrow('DEADLINE');
    expect(calls[0]).toBe(2);
  });

  it('is asked when there is no other, or none that did better', async () => {
    const single = cluster([fails(SILENT)]);
    const both = cluster([fails(SILENT), fails(SILENT)]);
    for (let i = 0; i < 4; i++) {
      await expect(single.ask()).rejects.toThrow('DEADLINE');
      await expect(both.ask()).rejects.toThrow('DEADLINE');
    }
    expect(single.calls).toEqual([4]);
    expect(both.calls[0]).toBeGreaterThan(1);
    expect(both.calls[1]).toBeGreaterThan(1);
  });

  it('is not one that refused what was asked', async () => {
    const { ask, calls } = cluster([fails('etcdserver: permission denied'), says('a')]);
    await expect(ask()).rejects.toThrow('permission');
    expect(await ask()).toBe('a');
    await expect(ask()).rejects.toThrow('permission');
    expect(calls).toEqual([2, 1]);
  });
});
