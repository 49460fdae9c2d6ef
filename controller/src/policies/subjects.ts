import { isRuled, type NetworkMode } from '@causeway/shared/model/container-network';
import type { PolicyObject } from '../objects/policy.ts';
import type { View } from '../view/view.ts';

export interface PolicySubject {
  readonly name: string;
  readonly host: string;
  /** By these its host knows it, and holds it to the policy. */
  readonly addresses: readonly string[];
  /** Its network mode, where no policy holds with that. */
  readonly unruled?: NetworkMode['kind'];
}

/** The containers that a policy is about, sorted by name. */
export function subjectsOf(
  { subjects }: Pick<PolicyObject, 'subjects'>,
  { tables, lookUps }: View,
): readonly PolicySubject[] {
  const { containers, labels } = subjects;
  const isAll = containers === undefined && labels === undefined;
  const names = isAll
    ? [...tables.container.keys()]
    : [...(containers ?? []), ...(labels === undefined ? [] : lookUps.selected(labels))];
  return [...new Set(names)].sort().flatMap((name) => {
    const spec = tables.container.get(name)?.value;
    if (spec === undefined) return [];
    const { network } = spec;
    if (network !== undefined && !isRuled(network))
      return [{ name, host: spec.host, addresses: [], unruled: network.kind }];
    const status = tables.containerStatus.get(name)?.value;
    const own = status?.host === spec.host ? [status.address, status.ipv6Address] : [];
    return [{ name, host: spec.host, addresses: own.flatMap((address) => address ?? []) }];
  });
}
