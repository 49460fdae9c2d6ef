import type { View } from '../view/view.ts';
import { type HostAt, hostsByAddress, hostsBySubnet } from './hosts-by-subnet.ts';

/** A part of the view, and what was made of it when it was at this version. */
interface Made<T> {
  readonly version: string;
  readonly value: T;
}

interface Indexes {
  bySubnet?: Made<HostAt>;
  byAddress?: Made<ReadonlyMap<string, string>>;
}

const known = new WeakMap<View, Indexes>();

/** Which host an address is on, as the view has it at this moment. Each index is made anew when its rows are others. */
export function hostAtOf(view: View): HostAt {
  const indexes = known.get(view) ?? {};
  known.set(view, indexes);
  let byAddress: ReadonlyMap<string, string> | undefined;
  return (address) => {
    const host = bySubnet(view, indexes)(address);
    if (host !== undefined) return host;
    // The records are counted once for each look at the view, and not at all where everything is in a subnet.
    byAddress ??= byOwnAddress(view, indexes);
    return byAddress.get(address);
  };
}

function bySubnet(view: View, indexes: Indexes): HostAt {
  const version = String(view.revision('network'));
  if (indexes.bySubnet?.version !== version) {
    const leases = [...view.tables.lease.values()].map(({ value }) => value);
    indexes.bySubnet = { version, value: hostsBySubnet(leases) };
  }
  return indexes.bySubnet.value;
}

function byOwnAddress({ tables }: View, indexes: Indexes): ReadonlyMap<string, string> {
  let newest = 0;
  for (const { revision } of tables.node.values()) newest = Math.max(newest, revision);
  const version = `${newest} ${tables.node.size}`;
  if (indexes.byAddress?.version !== version) {
    const nodes = [...tables.node.values()].map(({ value }) => value);
    indexes.byAddress = { version, value: hostsByAddress(nodes) };
  }
  return indexes.byAddress.value;
}
