import type { Piece } from './part.ts';

const known = new WeakMap<object, Map<string, Piece>>();

/**
 * The piece that was made of this before, so that it is the same object as long as what it is made of is.
 *
 * @param of an object that nobody changes
 * @param text everything else that the piece depends on
 */
export function kept(of: object, text: string, make: () => Piece): Piece {
  const ofObject = known.get(of) ?? new Map<string, Piece>();
  known.set(of, ofObject);
  const last = ofObject.get(text);
  if (last !== undefined) return last;
  const made = make();
  ofObject.set(text, made);
  return made;
}
