import type { View } from './view.ts';

/** Keeps what is made of a view until something of what it is made from is other. */
export function keptFor<T>(
  from: (view: View) => readonly unknown[],
  make: (view: View) => T,
): (view: View) => T {
  const made = new WeakMap<View, { readonly from: readonly unknown[]; readonly value: T }>();
  return (view) => {
    const now = from(view);
    const last = made.get(view);
    if (last !== undefined && now.every((one, index) => one === last.from[index])) return last.value;
    const value = make(view);
    made.set(view, { from: now, value });
    return value;
  };
}
