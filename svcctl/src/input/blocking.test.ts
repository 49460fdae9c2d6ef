import { expect, it } from 'vitest';
import { type Blocking, blocked, type Definition, unblocked } from './blocking.ts';

const CIDR = '203.0.113.8/32';
const ingress: Blocking = { cidr: CIDR, directions: ['ingress'] };
const policy = (side: Definition['ingress']): Definition => ({
  ...{ name: 'blocked', subjects: {} },
  ...(side === undefined ? {} : { ingress: side }),
});

/** What people have written into the policy themselves, and must go on to hold. */
it('leaves a rule that denies everybody as it is', () => {
  const all = { action: 'deny' } as const;
  const one = { action: 'deny', peers: { cidrs: [CIDR] } } as const;
  expect(blocked(policy({ rules: [all] }), ingress)).toEqual(policy({ rules: [all, one] }));
});

it('takes an address out of a rule that denies others as well, and no more than that', () => {
  const rule = { action: 'deny', peers: { cidrs: [CIDR], containers: ['web-9'] } } as const;
  const left = { action: 'deny', peers: { containers: ['web-9'] } } as const;
  expect(unblocked(policy({ rules: [rule] }), ingress)).toEqual(policy({ rules: [left] }));
});

it('removes the policy with its last rule, unless it denies by itself', () => {
  const rules = [{ action: 'deny', peers: { cidrs: [CIDR] } }] as const;
  expect(unblocked(policy({ rules }), ingress)).toBeUndefined();
  expect(unblocked(policy({ default: 'deny', rules }), ingress)).toEqual(
    policy({ default: 'deny', rules: [] }),
  );
});
