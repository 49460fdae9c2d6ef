/**
 * Who has been given which namespace since the host was last looked at. What was before that is seen by the look itself: the
 * kernel gives the number of a namespace that has gone to another one.
 *
 * @returns the claims since this look, which are the same for one look
 */
export function createClaims<Look extends object>(): (look: Look) => Map<number, string> {
  let last: { readonly look: Look; readonly claims: Map<number, string> } | undefined;
  return (look) => {
    if (last?.look !== look) last = { look, claims: new Map() };
    return last.claims;
  };
}
