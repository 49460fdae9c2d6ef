import { CausewayError, invalid } from '@causeway/shared/errors';
import { DEFAULT_SETTINGS, type Settings } from '@causeway/shared/model/settings';
import { canonicalBlock, formatBlock, isMapped, parseBlock } from '@causeway/shared/net/block';
import { checkedServiceRange, checkedServiceRangeIpv6, meet } from './validate/ranges.ts';

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
 * The settings of a cluster that exists, which was made before there were VIPs of IPv6, with the range that is asked
 * for now.
 *
 * @returns the same object when nothing is to be added
 */
export function withAddedRange(settings: Settings, wanted: WantedSettings, fresh: Settings): Settings {
  const { serviceRangeIpv6 } = fresh;
  if (settings.serviceRangeIpv6 !== undefined || serviceRangeIpv6 === undefined) return settings;
  return wanted.serviceRangeIpv6 === undefined ? settings : { ...settings, serviceRangeIpv6 };
}

/** @throws CausewayError `conflict` for a setting that is not the cluster's */
export function checkSettingsAsked(wanted: WantedSettings, fresh: Settings, found: Settings): void {
  const text = {
    range: ({ serviceRange }: Settings) => canonicalBlock(serviceRange) ?? serviceRange,
    rangeIpv6: ({ serviceRangeIpv6 = 'none' }: Settings) =>
      canonicalBlock(serviceRangeIpv6) ?? serviceRangeIpv6,
    ports: ({ nodePortMin, nodePortMax }: Settings) => `${nodePortMin}-${nodePortMax}`,
    cidrs: ({ nodePortCidrs: cidrs = [] }: Settings) =>
      cidrs.length === 0
        ? 'none'
        : cidrs
            .map((cidr) => canonicalBlock(cidr) ?? cidr)
            .sort()
            .join(','),
  };
  const asked = [
    ['service-range', wanted.serviceRange, text.range],
    ['service-range-ipv6', wanted.serviceRangeIpv6, text.rangeIpv6],
    ['node-port-range', wanted.nodePorts, text.ports],
    ['node-port-cidrs', wanted.nodePortCidrs, text.cidrs],
  ] as const;
  for (const [flag, given, textOf] of asked)
    if (given !== undefined) checkSame(flag, textOf(fresh), textOf(found));
}

/** @throws CausewayError `conflict` for a flag that asks for something else than the cluster has */
export function checkSame(flag: string, wanted: string | number | undefined, found: string | number): void {
  if (wanted === undefined || wanted === found) return;
  throw new CausewayError(
    'conflict',
    `--${flag} ${wanted} is not what this cluster in etcd has, ${found}: leave the flag out to go on with that, or use another etcd`,
    { field: flag, value: wanted },
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
  const cidrs = texts.map((text) => {
    const block = parseBlock(text);
    if (block === undefined || isMapped({ family: block.family, value: block.base }))
      throw invalid('node-port-cidrs', text, 'is not a network such as 192.168.122.0/24 or fd00:122::/64');
    return formatBlock(block);
  });
  return [...new Set(cidrs)];
}
