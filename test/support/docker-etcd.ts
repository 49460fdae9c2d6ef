import { PROVIDED_ETCD } from '@causeway/lab/command-lines';
import type { Lab } from '@causeway/lab/lab';
import { GenericContainer, getContainerRuntimeClient, Wait } from 'testcontainers';
import { startDocker, useTestcontainers } from './docker-engine.ts';
import { programTar } from './root-tar.ts';

/** An etcd of three members in Docker containers on the machine `etcd-1` of a lab, for its option `provideEtcd`. */
export interface DockerEtcd {
  start(lab: Lab): Promise<void>;
  /** Ends a member at once. @param number from 1 */
  kill(number: number): Promise<void>;
  /** Starts it again, with the data that it had. */
  revive(number: number): Promise<void>;
}

const IMAGE = 'local/etcd:1';
const MACHINE = 'etcd-1';

export function dockerEtcd(): DockerEtcd {
  const ids: string[] = [];
  const container = async (number: number) => {
    const client = await getContainerRuntimeClient();
    return client.container.getById(ids[number - 1] ?? '');
  };
  return {
    start: async (lab) => {
      const engine = await startDocker(lab, MACHINE);
      await engine.import(IMAGE, await programTar(process.env.CAUSEWAY_ETCD || 'etcd'));
      useTestcontainers(engine);
      // Each of them is ready only with another.
      const started = await Promise.all(PROVIDED_ETCD.map((member) => startMember(lab, member)));
      ids.push(...started.map((each) => each.getId()));
    },
    kill: async (number) => {
      await (await container(number)).kill();
    },
    revive: async (number) => {
      await (await container(number)).start();
    },
  };
}

type Member = (typeof PROVIDED_ETCD)[number];

function startMember(lab: Lab, { name, client, peer }: Member) {
  const url = (port: number) => `http://${lab.addressOf(MACHINE)}:${port}`;
  const all = PROVIDED_ETCD.map((each) => `${each.name}=${url(each.peer)}`).join(',');
  return new GenericContainer(IMAGE)
    .withNetworkMode('host')
    .withCommand([
      ...['/bin/etcd', '--name', name, '--data-dir', '/var/etcd', '--initial-cluster', all],
      ...['--listen-client-urls', url(client), '--advertise-client-urls', url(client)],
      ...['--listen-peer-urls', url(peer), '--initial-advertise-peer-urls', url(peer)],
    ])
    .withWaitStrategy(Wait.forLogMessage(/ready to serve client requests/))
    .start();
}
