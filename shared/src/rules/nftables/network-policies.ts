import type { FirewallIntent } from '../../desired/intent.ts';
import type { Piece } from './part.ts';

export function policyPieces(_intent: FirewallIntent): readonly Piece[] {
  return [];
}
