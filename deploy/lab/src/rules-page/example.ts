import type { Dataplane } from '@causeway/shared/model/dataplane';
import { DEFAULT_SETTINGS } from '@causeway/shared/model/settings';
import { CHAIN_PREFIX, NFT_TABLE, SET_PREFIXES } from '@causeway/shared/names';
import type { Family } from '@causeway/shared/net/family';
import { createLab, type Lab } from '../lab.ts';
import { type Flow, flowsThrough } from './flows.ts';
import { type Listing, readIpsets, readIptables, readNftables } from './listing.ts';
import type { Example } from './shape.ts';

/** Subnets and VIPs of the example; hosts lease at random unless theirs are reserved. */
export const HOSTS = [
  { name: 'host-1', ipv4: '10.10.63', ipv6: 'fd00:10:0:63:' },
  { name: 'host-2', ipv4: '10.10.14', ipv6: 'fd00:10:0:14:' },
] as const;
const CONTAINERS = ['web-1', 'web-2'];
const VIPS: Readonly<Record<Family, string>> = { ipv4: '2.2.2.2', ipv6: '2001:db8:2::2' };
const NETWORKS: Readonly<Record<Family, string>> = { ipv4: '10.10.0.0/16', ipv6: 'fd00:10::/48' };
export const EXPOSE = [
  ...['expose', `${VIPS.ipv4}:88`, '--vip', VIPS.ipv6, '--name', 'test-service1'],
  ...CONTAINERS.flatMap((name) => ['--to', `${name}:12345`]),
  ...['--node-port', '30001', '--wait'],
];

/** A container of host-1 with a published port and a policy. */
export const RUN = [
  'run',
  'shop',
  '--host',
  'host-1',
  '--publish',
  '8080:12345',
  '--wait',
  '--',
  'sleep',
  '1000000',
];
export const POLICY = `kind: NetworkPolicy
name: shop
subjects: {containers: [shop]}
ingress:
  default: deny
  rules:
    - {action: deny, peers: {cidrs: [203.0.113.0/24, '2001:db8:3::/48']}}
    - {action: allow, peers: {containers: [web-1, web-2]}, ports: [{port: 12345}]}
    - action: allow
      peers: {cidrs: [192.168.122.0/24, 'fd00:122::/64']}
      limit: {connections: 25, per: minute, burst: 100}
egress:
  rules:
    - {action: deny, peers: {cidrs: [2.2.2.2, '2001:db8:2::2']}}
`;

/** What one host's kernel holds of the example. */
export type Found = Readonly<Record<Dataplane, Held>> & {
  /** Who lists, as the programs call themselves: the wording is theirs. */
  readonly versions: readonly string[];
};

/** With one dataplane: its rules, and connections through them. */
export interface Held {
  readonly listings: Readonly<Record<Family, Listing>>;
  readonly flows: readonly Flow[];
}

/** What is this example's alone, in one family, on the first host. */
export function exampleOf(family: Family): Example {
  const subnetOf = ({ ipv4, ipv6 }: (typeof HOSTS)[number]) =>
    family === 'ipv4' ? `${ipv4}.0/24` : `${ipv6}:/64`;
  const { serviceRange, serviceRangeIpv6 = '' } = DEFAULT_SETTINGS;
  return {
    network: NETWORKS[family],
    subnet: subnetOf(HOSTS[0]),
    serviceRange: family === 'ipv4' ? serviceRange : serviceRangeIpv6,
    vip: VIPS[family],
    endpoints: HOSTS.map(({ ipv4, ipv6 }) => (family === 'ipv4' ? `${ipv4}.2` : `${ipv6}:2`)),
    container: family === 'ipv4' ? `${HOSTS[0].ipv4}.3` : `${HOSTS[0].ipv6}:3`,
  };
}

/**
 * Brings up a lab of two hosts, makes the example in it, and reads what `host-1` holds with each dataplane.
 *
 * @param name of the lab
 * @throws CausewayError what went wrong; the lab is down in any case
 */
export async function runExample(name: string): Promise<Found> {
  const { ipv4: network, ipv6: networkIpv6 } = NETWORKS;
  const lab = await createLab({ name, hosts: HOSTS.length, network, networkIpv6, until: 'controller' });
  try {
    await makeExample(lab);
    const nftables = await held(lab, 'nftables', listNftables);
    await lab.useDataplane('iptables');
    const iptables = await held(lab, 'iptables', listIptables);
    return { nftables, iptables, versions: await versionsOf(lab) };
  } finally {
    await lab.down();
  }
}

async function makeExample(lab: Lab): Promise<void> {
  for (const host of HOSTS)
    await svcctl(lab, [
      ...['node', 'reserve', host.name, '--ahead'],
      ...['--subnet', `${host.ipv4}.0/24`, '--subnet-ipv6', `${host.ipv6}:/64`],
    ]);
  for (const { name } of HOSTS) await lab.startAgent(name);
  await lab.ready();
  for (const [i, { name }] of HOSTS.entries()) await lab.addContainer(CONTAINERS[i] ?? name, name);
  await svcctl(lab, EXPOSE);
  await svcctl(lab, RUN);
  await svcctl(lab, ['policy', 'apply', '-f', '-', '--wait'], POLICY);
}

async function held(
  lab: Lab,
  dataplane: Dataplane,
  list: (lab: Lab) => Promise<Held['listings']>,
): Promise<Held> {
  await isWhole(lab, dataplane);
  return { listings: await list(lab), flows: await flowsThrough(lab, VIPS.ipv4) };
}

async function listNftables(lab: Lab): Promise<Held['listings']> {
  const list = async (ip: string) => readNftables(await output(lab, 'nft', 'list', 'table', ip, NFT_TABLE));
  return { ipv4: await list('ip'), ipv6: await list('ip6') };
}

async function listIptables(lab: Lab): Promise<Held['listings']> {
  const sets = await output(lab, 'ipset', 'save');
  const list = async (program: string, family: Family): Promise<Listing> => ({
    ...readIptables(await output(lab, program), CHAIN_PREFIX),
    maps: readIpsets(sets, SET_PREFIXES[family]),
  });
  return { ipv4: await list('iptables-save', 'ipv4'), ipv6: await list('ip6tables-save', 'ipv6') };
}

/** An agent that has nothing to do has brought the kernel to where it should be. */
async function isWhole(lab: Lab, dataplane: Dataplane): Promise<void> {
  const plan = await output(lab, 'causeway-agent', 'plan', '--dataplane', dataplane);
  if (!plan.includes('nothing to do')) throw new Error(`host-1 is not as it should be: ${plan}`);
}

async function versionsOf(lab: Lab): Promise<string[]> {
  const nft = /v[\d.]+/.exec(await output(lab, 'nft', '--version'))?.[0] ?? '';
  return [`nft ${nft}`, await output(lab, 'iptables', '--version')];
}

async function svcctl(lab: Lab, args: readonly string[], input = ''): Promise<void> {
  const { exitCode, stderr } = await lab.svcctl(args, { input });
  if (exitCode !== 0) throw new Error(`svcctl ${args.join(' ')}: ${stderr}`);
}

async function output(lab: Lab, ...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.exec('host-1', argv);
  if (exitCode !== 0) throw new Error(`${argv.join(' ')}: ${stderr}`);
  return stdout.trim();
}
