import { type Field, fieldsText } from './fields.ts';

/** The network as `GET /v1/network` answers it. */
export interface NetworkView extends NetworkConfigView {
  /** A configuration in etcd that hosts do not follow, because it would renumber them. */
  readonly refused?: {
    readonly reason: string;
    readonly hosts: readonly string[];
    readonly config: NetworkConfigView;
  };
  readonly warnings: readonly string[];
  readonly revision: number;
}

export interface NetworkConfigView {
  readonly ipv4?: FamilyView;
  readonly ipv6?: FamilyView;
  readonly backend: {
    readonly type: string;
    readonly directRouting: boolean;
    readonly tunnel?: { readonly vni: number; readonly port: number; readonly mtu?: number };
  };
  readonly masquerade: boolean;
  readonly nonMasqueradeCidrs: readonly string[];
  readonly fingerprint: string;
}

interface FamilyView {
  readonly network: string;
  readonly subnetLen: number;
  readonly subnetMin: string;
  readonly subnetMax: string;
  readonly subnets: number;
  readonly leased: number;
  readonly reserved: number;
}

export function networkText(network: NetworkView): string {
  const { refused } = network;
  const waiting: readonly Field[] =
    refused === undefined
      ? []
      : [
          [
            'Not followed',
            configFields(refused.config).map(([label, value]) => `${label}: ${String(value)}`),
          ],
          ['Why', refused.reason],
          ['Hosts', refused.hosts],
        ];
  return fieldsText([...configFields(network), ['Revision', network.revision], ...waiting]);
}

function configFields(config: NetworkConfigView): readonly Field[] {
  const { ipv4, ipv6, masquerade, nonMasqueradeCidrs, fingerprint } = config;
  const except = nonMasqueradeCidrs.length === 0 ? '' : `, but not to ${nonMasqueradeCidrs.join(', ')}`;
  return [
    ['IPv4', ipv4 === undefined ? 'none' : familyText(ipv4)],
    ['IPv6', ipv6 === undefined ? 'none' : familyText(ipv6)],
    ['Backend', backendText(config.backend)],
    ['Masquerade', masquerade ? `yes${except}` : 'no'],
    ['Fingerprint', fingerprint],
  ];
}

function familyText(family: FamilyView): string {
  const { network, subnetLen, subnetMin, subnetMax, subnets, leased, reserved } = family;
  const use = `${leased} of ${subnets} leased, ${reserved} reserved`;
  return `${network} in subnets of /${subnetLen}, ${subnetMin} to ${subnetMax}, ${use}`;
}

function backendText({ type, directRouting, tunnel }: NetworkConfigView['backend']): string {
  const mtu = tunnel?.mtu === undefined ? '' : `, MTU ${tunnel.mtu}`;
  const through = tunnel === undefined ? '' : ` VNI ${tunnel.vni}, port ${tunnel.port}${mtu}`;
  if (type === 'host-gw') return tunnel === undefined ? type : `${type}, to other links by vxlan${through}`;
  return `${type}${through}${directRouting ? ', plain routes on the same link' : ''}`;
}
