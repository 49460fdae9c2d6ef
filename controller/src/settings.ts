import { invalid } from '@causeway/shared/errors';
import { DEFAULT_SETTINGS, type Settings } from '@causeway/shared/model/settings';
import { canonicalBlock, formatBlock, isMapped, parseBlock } from '@causeway/shared/net/block';
import { MAX_NODE_PORT_CIDRS, type SettingsPatch } from './objects/settings.ts';
import { checkedServiceRange, checkedServiceRangeIpv6, meet } from './validate/ranges.ts';
import { inFields } from './validate/settings.ts';

/** The settings as the flags ask for them. What was not asked for is undefined: an existing cluster's own counts. */
export interface WantedSettings {
  readonly serviceRange?: string;
  /** `none`: no VIPs of IPv6 are given out. */
  readonly serviceRangeIpv6?: string;
  readonly nodePorts?: { readonly min: number; readonly max: number };
  /** Empty: NodePorts are served on all addresses. */
  readonly nodePortCidrs?: readonly string[];
}

/**
 * The settings of a new cluster. A range of IPv6 that nobody asked for is left out where the container network is in
 * its way.
 *
 * @throws CausewayError `invalid`
 */
export function newSettings(wanted: WantedSettings, networkIpv6: string | undefined): Settings {
  const cidrs = nodePortCidrs(wanted.nodePortCidrs ?? []);
  const rangeIpv6 = rangeIpv6Of(wanted.serviceRangeIpv6, networkIpv6);
  return {
    serviceRange: checkedServiceRange(wanted.serviceRange ?? DEFAULT_SETTINGS.serviceRange),
    ...(rangeIpv6 === undefined ? {} : { serviceRangeIpv6: rangeIpv6 }),
    ...(cidrs.length === 0 ? {} : { nodePortCidrs: cidrs }),
    nodePortMin: wanted.nodePorts?.min ?? DEFAULT_SETTINGS.nodePortMin,
    nodePortMax: wanted.nodePorts?.max ?? DEFAULT_SETTINGS.nodePortMax,
  };
}

/**
 * Puts a patch over the settings of a cluster.
 *
 * @throws CausewayError `invalid`, naming the field of the patch
 */
export function patchedSettings(before: Settings, patch: SettingsPatch): Settings {
  const { nodePortMin = before.nodePortMin, nodePortMax = before.nodePortMax } = patch;
  if (nodePortMin > nodePortMax) {
    const field = patch.nodePortMin === undefined ? 'nodePortMax' : 'nodePortMin';
    throw invalid(field, patch[field], `leaves no NodePort: ${nodePortMin} to ${nodePortMax}`);
  }
  return inFields(() => {
    const rangeIpv6 =
      patch.serviceRangeIpv6 === undefined
        ? before.serviceRangeIpv6
        : rangeIpv6Of(patch.serviceRangeIpv6, undefined);
    const cidrs =
      patch.nodePortCidrs === undefined ? before.nodePortCidrs : nodePortCidrs(patch.nodePortCidrs);
    return {
      serviceRange:
        patch.serviceRange === undefined ? before.serviceRange : checkedServiceRange(patch.serviceRange),
      ...(rangeIpv6 === undefined ? {} : { serviceRangeIpv6: rangeIpv6 }),
      ...(cidrs === undefined || cidrs.length === 0 ? {} : { nodePortCidrs: cidrs }),
      ...{ nodePortMin, nodePortMax },
    };
  });
}

/** The flags that ask for other settings than a cluster has, which were changed since or never were these. */
export function otherSettings(wanted: WantedSettings, fresh: Settings, found: Settings): readonly string[] {
  const text = {
    range: ({ serviceRange }: Settings) => canonicalBlock(serviceRange) ?? serviceRange,
    rangeIpv6: ({ serviceRangeIpv6 = 'none' }: Settings) =>
      canonicalBlock(serviceRangeIpv6) ?? serviceRangeIpv6,
    ports: ({ nodePortMin, nodePortMax }: Settings) => `${nodePortMin}-${nodePortMax}`,
    cidrs: ({ nodePortCidrs: cidrs = [] }: Settings) =>
      cidrs
        .map((cidr) => canonicalBlock(cidr) ?? cidr)
        .sort()
        .join(),
  };
  const asked = [
    ['service-range', wanted.serviceRange, text.range],
    ['service-range-ipv6', wanted.serviceRangeIpv6, text.rangeIpv6],
    ['node-port-range', wanted.nodePorts, text.ports],
    ['node-port-cidrs', wanted.nodePortCidrs, text.cidrs],
  ] as const;
  return asked.flatMap(([flag, given, textOf]) =>
    given === undefined || textOf(fresh) === textOf(found) ? [] : [`--${flag}`],
  );
}

function rangeIpv6Of(wanted: string | undefined, networkIpv6: string | undefined): string | undefined {
  if (wanted === 'none') return undefined;
  if (wanted !== undefined) return checkedServiceRangeIpv6(wanted);
  const usual = DEFAULT_SETTINGS.serviceRangeIpv6;
  const isInTheWay = usual !== undefined && networkIpv6 !== undefined && meet(usual, networkIpv6);
  return isInTheWay ? undefined : usual;
}

function nodePortCidrs(texts: readonly string[]): readonly string[] {
  if (texts.length > MAX_NODE_PORT_CIDRS)
    throw invalid('node-port-cidrs', texts, `has more than ${MAX_NODE_PORT_CIDRS} networks`);
  const cidrs = texts.map((text) => {
    const block = parseBlock(text);
    if (block === undefined || isMapped({ family: block.family, value: block.base }))
      throw invalid('node-port-cidrs', text, 'is not a network such as 192.168.122.0/24 or fd00:122::/64');
    return formatBlock(block);
  });
  return [...new Set(cidrs)];
}
