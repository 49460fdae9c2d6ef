import { entriesOf } from '@causeway/shared/net/family';
import type { Route } from './api/routes.ts';
import { namespaceAddresses } from './containers/namespace-addresses.ts';
import type { ContainerRuntime } from './containers/runtime.ts';

/** What `svcctl ipam check` compares with etcd: what this host's kernel has, and what it keeps for whom. */
export function addressesRoute(runtime: Pick<ContainerRuntime, 'heldAddresses'>): Route {
  return {
    method: 'GET',
    path: '/v1/container-addresses',
    handle: async () => {
      const [namespaces, held] = await Promise.all([namespaceAddresses(), runtime.heldAddresses()]);
      const records = held.map(({ name, addresses }) => ({
        name,
        addresses: entriesOf(addresses).map(([, address]) => address),
      }));
      return { json: { namespaces, records } };
    },
  };
}
