import { CONTROLLER_PORT } from '@causeway/shared/names';
import { type ClusterSettings, shapeOf } from './options.ts';
import { etcdNames, hostName, members } from './topology.ts';

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;

/** The members of an etcd that somebody else provides, all of them on one machine, and their ports. */
export const PROVIDED_ETCD = [1, 2, 3].map((number) => ({
  name: `member-${number}`,
  client: CLIENT_PORT + 10 * (number - 1),
  peer: PEER_PORT + 10 * (number - 1),
}));

/** The controller's REST API, as every machine of the lab reaches it. */
export function controllerUrl(settings: ClusterSettings): string {
  return `http://${addressOf(settings, hostName(1))}:${CONTROLLER_PORT}`;
}

/** URLs of etcd for everybody in the lab, whoever runs it, separated by commas. */
export function etcdUrls(settings: ClusterSettings): string {
  const ports = settings.etcd === 'provided' ? PROVIDED_ETCD.map(({ client }) => client) : [CLIENT_PORT];
  return etcdMachines(settings)
    .flatMap((name) => ports.map((port) => `http://${addressOf(settings, name)}:${port}`))
    .join(',');
}

/** The machines that etcd runs on. */
export function etcdMachines(settings: ClusterSettings): readonly string[] {
  const own = etcdNames(shapeOf(settings));
  return own.length > 0 ? own : [hostName(1)];
}

/** What differs from the defaults is only what a real cluster of these machines would be told too. */
export function controllerCommand(settings: ClusterSettings): string[] {
  const { etcd, network, networkIpv6, backend, directRouting, fallback, controllerFlags } = settings;
  const first = addressOf(settings, hostName(1));
  return [
    'causeway-controller',
    ...(etcd === 'embedded' ? ['--etcd-listen', first] : ['--etcd', etcdUrls(settings)]),
    ...['--network', network],
    ...(networkIpv6 === undefined ? [] : ['--network-ipv6', networkIpv6]),
    ...(backend === 'host-gw' ? [] : ['--backend', backend]),
    ...(directRouting ? ['--direct-routing'] : []),
    ...(fallback === undefined ? [] : ['--fallback', fallback]),
    ...['--listen', `${first}:${CONTROLLER_PORT}`],
    ...controllerFlags,
  ];
}

export function agentCommand(settings: ClusterSettings, host: string): string[] {
  const { dataplane, agentFlags } = settings;
  const more = [...(agentFlags.all ?? []), ...(agentFlags[host] ?? [])];
  return ['causeway-agent', 'run', '--etcd', etcdUrls(settings), '--dataplane', dataplane, ...more];
}

/** A member of etcd, alone or one of three. */
export function etcdCommand(settings: ClusterSettings, machine: string): string[] {
  const all = etcdMachines(settings);
  const address = (name: string) => (all.length === 1 ? '127.0.0.1' : addressOf(settings, name));
  const peer = (name: string) => `http://${address(name)}:${PEER_PORT}`;
  const own = `http://${addressOf(settings, machine)}:${CLIENT_PORT}`;
  return [
    process.env.CAUSEWAY_ETCD || 'etcd',
    ...['--name', machine, '--data-dir', '/var/lib/causeway/etcd'],
    ...['--listen-client-urls', `http://127.0.0.1:${CLIENT_PORT},${own}`, '--advertise-client-urls', own],
    ...['--listen-peer-urls', peer(machine), '--initial-advertise-peer-urls', peer(machine)],
    ...['--initial-cluster', all.map((name) => `${name}=${peer(name)}`).join(',')],
  ];
}

function addressOf(settings: ClusterSettings, machine: string): string {
  return members(shapeOf(settings)).find(({ name }) => name === machine)?.address ?? '';
}
