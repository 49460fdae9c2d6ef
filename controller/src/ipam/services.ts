import type { ServiceSpec } from '@causeway/shared/model/service';
import type { Settings } from '@causeway/shared/model/settings';
import { blockHasIp, formatBlock, parseIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { networksIn } from '../objects/service.ts';
import type { Tables } from '../view/tables.ts';
import { type Holdings, heldOnce, ownersIn, quoted, usersOf } from './held-once.ts';

/** What is wrong with the VIPs and NodePorts of services, each a sentence. */
export function serviceFindings(tables: Tables, unreadable: ReadonlyMap<string, string>): readonly string[] {
  const specs = [...tables.service.values()].map(({ value }) => value);
  const settings = tables.settings.get('')?.value;
  const common: Pick<Holdings, 'by' | 'holders' | 'isUnknown'> = {
    by: 'service',
    holders: tables.service,
    isUnknown: (name) => unreadable.has(keys.serviceSpec(name)),
  };
  return [
    ...heldOnce({
      ...common,
      nameOf: (address) => `VIP ${address}`,
      recorded: ownersIn(tables.vip),
      used: usersOf(specs, ({ vips }) => vips),
    }),
    ...heldOnce({
      ...common,
      nameOf: (port) => `NodePort ${port}`,
      recorded: ownersIn(tables.nodePort),
      used: usersOf(specs, nodePortsOf),
    }),
    ...specs.flatMap((spec) => [...vipsOutside(spec, tables), ...nodePortsOutside(spec, settings)]),
  ];
}

function nodePortsOf({ ports }: ServiceSpec): readonly string[] {
  return ports.flatMap(({ protocol, nodePort }) =>
    nodePort === undefined ? [] : [`${protocol}/${nodePort}`],
  );
}

/** VIPs may be outside of the service range, but not where containers are, nor in a family that is not routed. */
function vipsOutside({ name, vips }: ServiceSpec, tables: Tables): readonly string[] {
  const networks = networksIn(tables);
  return vips.flatMap((vip) => {
    const ip = parseIp(vip);
    const network = ip && networks[ip.family];
    if (ip === undefined || Object.keys(networks).length === 0) return [];
    if (network === undefined)
      return [
        `VIP ${vip} of service ${quoted(name)} is out of range: the network has no ${FAMILY_NAMES[ip.family]}`,
      ];
    return blockHasIp(network, ip)
      ? [
          `VIP ${vip} of service ${quoted(name)} is out of range: it is inside the container network ${formatBlock(network)}`,
        ]
      : [];
  });
}

function nodePortsOutside(spec: ServiceSpec, settings: Settings | undefined): readonly string[] {
  if (settings === undefined) return [];
  const { nodePortMin, nodePortMax } = settings;
  return spec.ports.flatMap(({ protocol, nodePort = nodePortMin }) =>
    nodePort >= nodePortMin && nodePort <= nodePortMax
      ? []
      : [
          `NodePort ${protocol}/${nodePort} of service ${quoted(spec.name)} is out of range: ${nodePortMin}-${nodePortMax} are NodePorts`,
        ],
  );
}
