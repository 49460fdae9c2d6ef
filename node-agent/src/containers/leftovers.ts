import type { ContainerSpec } from '@causeway/shared/model/container';
import { namesIn, type Observed } from './observe.ts';
import { hostLinkOf, isContainerName, isHostLink } from './places.ts';

export interface Leftovers {
  readonly names: readonly string[];
  /** Host ends of veth pairs that belong to no name known any more. */
  readonly links: readonly string[];
}

/**
 * PURE. What is here and not wanted.
 *
 * @param spared names that stay as they are, wanted or not
 */
export function leftovers(
  specs: readonly ContainerSpec[],
  observed: Observed,
  spared: ReadonlySet<string>,
): Leftovers {
  const wanted = new Set([...specs.map(({ name }) => name), ...spared]);
  const names = [...namesIn(observed)].filter((name) => !wanted.has(name)).sort();
  const spoken = new Set([...wanted, ...names].filter(isContainerName).map(hostLinkOf));
  const links = [...observed.links.keys()].filter((link) => isHostLink(link) && !spoken.has(link));
  return { names, links };
}
