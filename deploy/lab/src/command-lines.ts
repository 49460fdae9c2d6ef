import type { Dataplane } from '@causeway/shared/model/dataplane';
import { CONTROLLER_PORT } from '@causeway/shared/names';
import { hostAddress } from './topology.ts';

const FIRST = hostAddress(1);

/** URL of etcd for everybody in the lab, whoever runs it. */
export const ETCD_URL = `http://${FIRST}:2379`;

/** The controller's REST API, as every machine of the lab reaches it. */
export const CONTROLLER_URL = `http://${FIRST}:${CONTROLLER_PORT}`;

/** What differs from the defaults is only what a real cluster of these machines would be told too. */
export function controllerCommand(network: string, etcd: 'embedded' | 'external'): string[] {
  const store = etcd === 'external' ? ['--etcd', ETCD_URL] : ['--etcd-listen', FIRST];
  return ['causeway-controller', ...store, '--network', network, '--listen', `${FIRST}:${CONTROLLER_PORT}`];
}

export function agentCommand(dataplane: Dataplane): string[] {
  return ['causeway-agent', 'run', '--etcd', ETCD_URL, '--dataplane', dataplane];
}

export function etcdCommand(): string[] {
  const clients = `http://127.0.0.1:2379,${ETCD_URL}`;
  const peers = 'http://127.0.0.1:2380';
  return [
    process.env.CAUSEWAY_ETCD || 'etcd',
    ...['--name', 'lab', '--data-dir', '/var/lib/causeway/etcd'],
    ...['--listen-client-urls', clients, '--advertise-client-urls', clients],
    ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
    ...['--initial-cluster', `lab=${peers}`],
  ];
}
