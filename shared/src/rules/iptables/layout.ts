import type { FirewallIntent } from '../../desired/intent.ts';
import { acceptance, FORWARD_JUMP } from './forward.ts';
import { setsOf } from './network-policies.ts';
import type { Others } from './others.ts';
import type { Jump, Layout } from './part.ts';
import { RAW_JUMP, rawAcceptance } from './raw.ts';
import { chainsOf, jumpsOf } from './table.ts';

/** Of the variant that serves the intent. In front of others' rules in raw stands an accept, where there are any. */
export function servingLayout(intent: FirewallIntent, others: Others): Layout {
  const { chains } = besideLayout(intent, { ...others, forward: false });
  return {
    family: intent.family,
    jumps: servingJumps(intent, others),
    sets: setsOf(intent),
    chains: {
      *[Symbol.iterator]() {
        yield* chains;
        yield* chainsOf(intent);
      },
    },
  };
}

/** The ways into all that. */
export function servingJumps(intent: FirewallIntent, others: Others): readonly Jump[] {
  return [...jumpsOf(intent), ...besideLayout(intent, { ...others, forward: false }).jumps];
}

/**
 * Of a variant that serves nothing: an accept in front of others' rules, where there are any. A packet must pass all
 * rule languages, so a drop there counts though another one has accepted it.
 */
export function besideLayout(intent: FirewallIntent, { forward, raw }: Others): Layout {
  return {
    family: intent.family,
    sets: [],
    jumps: [...(forward ? [FORWARD_JUMP] : []), ...(raw ? [RAW_JUMP] : [])],
    chains: [...(forward ? [acceptance(intent)] : []), ...(raw ? [rawAcceptance(intent)] : [])],
  };
}
