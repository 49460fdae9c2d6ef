import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Lab } from '@causeway/lab/lab';
import { waitFor } from '@causeway/lab/pids';
import { oneUserRunc } from './one-user-runc.ts';

/** A real Docker engine on one machine of a lab. */
export interface DockerEngine {
  /** What `DOCKER_HOST` says to programs outside of the lab; inside it is Docker's usual place. */
  readonly url: string;
  /** Makes an image of a tar of its root file system. @param name `local/busybox:1` */
  import(name: string, tar: Buffer): Promise<void>;
  /** Ends the engine; its containers go on, and the next engine finds them. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const HOME = '/var/lib/causeway/docker';

/**
 * Starts an engine that makes no bridge, no rule and no address, in namespaces of the machine alone. A machine of the lab
 * is a user namespace with one user, so the engine runs as it does without root. Of its two helpers for ports, which it insists on and which nobody uses here, one is empty.
 */
const START = `set -e
mkdir -p ${HOME}/bin /run/docker-state
printf '#!/bin/sh\\nexit 1\\n' >${HOME}/bin/rootlesskit-docker-proxy
${oneUserRunc(`${HOME}/bin/runc-of-one-user`)}
chmod 755 ${HOME}/bin/*
export PATH=${HOME}/bin:$PATH HOME=${HOME} XDG_RUNTIME_DIR=/run
export ROOTLESSKIT_STATE_DIR=/run/docker-state ROOTLESSKIT_PARENT_EUID=0
exec dockerd --rootless --bridge=none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \\
  --userland-proxy=false --group=0 --add-runtime=one-user=${HOME}/bin/runc-of-one-user --default-runtime=one-user \\
  --live-restore --data-root=${HOME} --exec-root=/run/docker --pidfile=/run/docker.pid --storage-driver=overlay2 \\
  -H unix:///run/docker.sock --log-level=warn
`;

/** @throws Error with what the engine complained of, when it ends at once */
export async function startDocker(lab: Lab, machine: string): Promise<DockerEngine> {
  const socket = join(lab.directory, 'hosts', machine, 'run/docker.sock');
  const child = lab.spawn(machine, ['sh', '-c', START]);
  await answers(child, socket);
  return {
    url: `unix://${socket}`,
    import: async (name, tar) => {
      const [repo = '', tag = 'latest'] = name.split(':');
      const path = `/images/create?fromSrc=-&repo=${encodeURIComponent(repo)}&tag=${encodeURIComponent(tag)}`;
      const said = await ask(socket, 'POST', path, tar);
      if (said.includes('"error"')) throw new Error(`importing the image ${name}: ${said}`);
    },
    stop: async () => {
      const ended = once(child, 'exit');
      child.kill();
      await ended;
    },
  };
}

/** Sets what `testcontainers` finds the engine by: nothing of it asks the network. It knows one engine in a process. */
export function useTestcontainers(engine: DockerEngine): void {
  Object.assign(process.env, {
    DOCKER_HOST: engine.url,
    TESTCONTAINERS_HOST_OVERRIDE: 'localhost',
    TESTCONTAINERS_RYUK_DISABLED: 'true',
  });
}

async function answers(child: ChildProcess, socket: string): Promise<void> {
  let complaint = '';
  child.stderr?.on('data', (chunk) => {
    complaint = (complaint + chunk).slice(-4_000);
  });
  const ready = async () => {
    if (child.exitCode !== null) throw new Error(`the engine has ended: ${complaint}`);
    return (await ask(socket, 'GET', '/_ping').catch(String)) === 'OK' ? true : undefined;
  };
  await waitFor(ready, START_TIMEOUT_MS, () => `the engine does not answer: ${complaint}`);
}

function ask(socketPath: string, method: string, path: string, body?: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = body === undefined ? {} : { 'content-type': 'application/x-tar' };
    const asked = request({ socketPath, method, path, headers }, (answer) => {
      text(answer).then(resolve, reject);
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
