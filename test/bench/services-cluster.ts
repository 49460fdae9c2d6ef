import { join } from 'node:path';
import { createLab } from '@causeway/lab/lab';
import { openInside } from './inside.ts';
import type { Row } from './row.ts';
import { benchBurst } from './services-cluster-burst.ts';
import { benchChanges } from './services-cluster-changes.ts';
import { benchHosts } from './services-cluster-hosts.ts';
import { idleMemory, memoryOf, memoryRows } from './services-cluster-memory.ts';
import { followHosts } from './services-cluster-model.ts';
import { benchStart } from './services-cluster-start.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const SERVICES = 10_000;

/** What services cost a cluster: real agents, a real controller, a real etcd, hosts that are namespaces. */
export async function benchServicesCluster(): Promise<Row[]> {
  return [...(await manyServices()), ...(await benchHosts())];
}

async function manyServices(): Promise<Row[]> {
  const lab = await createLab({ name: 'bench-services', hosts: 3, etcd: 'external', until: 'controller' });
  try {
    const program = [process.execPath, join(__dirname, 'bench-services-beside.cjs')];
    const world: ServicesWorld = {
      ...{ lab, services: SERVICES },
      beside: openInside(lab.spawn('client', program)),
    };
    await world.beside.ask('fill', { etcd: lab.etcd, count: SERVICES });
    const start = await benchStart(world);
    const loaded = memoryOf(lab);
    const hosts = await followHosts(world);
    const changes = await benchChanges(world, hosts);
    const burst = await benchBurst(world, hosts);
    const memory = memoryRows(world, await idleMemory(), loaded, memoryOf(lab));
    hosts.close();
    return [...start, ...changes, ...burst, ...memory];
  } finally {
    await lab.down();
  }
}
