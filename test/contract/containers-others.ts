import { createServer, type Server } from 'node:http';
import { afterEach, beforeEach } from 'vitest';
import type { AttachKind, ContainerSpec } from '../../shared/src/model/container.ts';
import { type ContainerWorld, DUAL_BRIDGE, useContainerWorld } from './containers-world.ts';

/** Containers of others in real namespaces; the engines that know them are played, the lab has real ones. */
export interface OthersWorld {
  readonly world: ContainerWorld;
  /** Docker on the host of the test that runs. */
  readonly docker: Docker;
  /**
   * A process in a namespace without any link, as an engine makes it with `--network none`.
   *
   * @param setup lines of shell that it runs first
   * @returns its number in the world
   */
  somebodys(setup?: string): Promise<number>;
  /** What the network of a process looks like. */
  stateOf(pid: number): Promise<string>;
}

export interface Docker {
  /** First processes of what it runs; 0: it has ended. */
  readonly containers: Map<string, number>;
  /** Questions that it has answered. */
  asked(): number;
  /** Stops answering, and takes its socket away. */
  close(): Promise<void>;
}

export function useOthersWorld(): OthersWorld {
  const world = useContainerWorld(DUAL_BRIDGE);
  let docker: Docker;
  beforeEach(async () => {
    docker = await playDocker(`${world.dir}/docker.sock`);
  });
  afterEach(() => docker.close());
  return {
    world,
    get docker() {
      return docker;
    },
    somebodys: async (setup = ':') => {
      const script = `ip link set lo up; ${setup}; echo $$; exec sleep 1000`;
      return Number(await world.net.start('unshare', ['--net', 'sh', '-c', script]));
    },
    stateOf: (pid) => world.sh(`nsenter --net=/proc/${pid}/ns/net sh -c '${STATE}'`),
  };
}

const STATE = `
  ip -o address; ip route; ip -6 route
  sysctl -n net.ipv6.conf.default.disable_ipv6 net.ipv6.conf.default.accept_ra`;

/** A container of ours that attaches one of theirs. */
export function attach(
  name: string,
  kind: AttachKind,
  id: string | number,
  more: Partial<ContainerSpec> = {},
): ContainerSpec {
  return { ...{ name, host: 'host-1', command: [], files: {}, attach: { kind, id: `${id}` } }, ...more };
}

async function playDocker(socket: string): Promise<Docker> {
  const containers = new Map<string, number>();
  let asked = 0;
  const server: Server = createServer((request, response) => {
    const name = /^\/containers\/([^/]+)\/json$/.exec(request.url ?? '')?.[1] ?? '';
    const pid = containers.get(name);
    asked += 1;
    response.statusCode = pid === undefined ? 404 : 200;
    response.end(
      JSON.stringify(
        pid === undefined ? { message: 'No such container' } : { State: { Running: pid > 0, Pid: pid } },
      ),
    );
  });
  await new Promise<void>((resolve) => server.listen(socket, resolve));
  return {
    containers,
    asked: () => asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
