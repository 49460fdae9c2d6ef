import { hostsBySubnet } from '@causeway/controller/endpoints/hosts-by-subnet';
import { type Places, selects } from '@causeway/controller/endpoints/places';
import type { ContainerSpec, ContainerStatus } from '@causeway/shared/model/container';
import type { EndpointRef, ServiceSpec } from '@causeway/shared/model/service';
import type { Workload } from '@causeway/shared/model/workload';

/** What resolving sees of a cluster of two hosts of ours and a flannel host, for its tests. */

/** `web-1` runs, `web-2` failed, `web-3` has not started, `moved` runs where it should not. */
const containers: Record<string, { spec: ContainerSpec; status?: ContainerStatus }> = {
  'web-1': {
    spec: { name: 'web-1', host: 'host-1', command: ['httpd'], files: {}, labels: { app: 'web', tier: 'a' } },
    status: {
      name: 'web-1',
      host: 'host-1',
      state: 'running',
      address: '10.10.1.2',
      ipv6Address: 'fd00:10:0:1::2',
    },
  },
  'web-2': {
    spec: { name: 'web-2', host: 'host-2', command: ['httpd'], files: {}, labels: { app: 'web' } },
    status: { name: 'web-2', host: 'host-2', state: 'failed', reason: 'no such program' },
  },
  'web-3': { spec: { name: 'web-3', host: 'host-2', command: ['httpd'], files: {} } },
  moved: {
    spec: { name: 'moved', host: 'host-2', command: ['httpd'], files: {} },
    status: { name: 'moved', host: 'host-1', state: 'running', address: '10.10.1.9' },
  },
};

const workloads: Record<string, Workload> = {
  db: { name: 'db', addresses: ['203.0.113.9', '2001:db8::9'], labels: { app: 'db' } },
  old: { name: 'old', addresses: ['10.10.1.40'], labels: { app: 'web', tier: 'b' } },
};

export const NOW = Date.parse('2026-01-01T00:00:00Z');

export const places: Places = {
  container: (name) => containers[name]?.spec,
  status: (name) => containers[name]?.status,
  workload: (name) => workloads[name],
  selected: (selector) =>
    [...Object.values(containers).map(({ spec }) => spec), ...Object.values(workloads)]
      .filter(({ labels }) => selects(selector, labels))
      .map(({ name }) => name)
      .sort(),
  hostAt: hostsBySubnet([
    {
      ipv4: { subnet: '10.10.1.0/24', publicIp: '192.168.122.11' },
      ipv6: { subnet: 'fd00:10:0:1::/64', publicIp: 'fd00::11' },
      backendType: 'host-gw',
      node: { id: 'a', name: 'host-1' },
    },
    { ipv4: { subnet: '10.10.2.0/24', publicIp: '192.168.122.12' }, backendType: 'host-gw' },
    {
      ipv6: { subnet: 'fd00:10:0:3::/64', publicIp: 'fd00::13' },
      backendType: 'host-gw',
      node: { id: 'c', name: 'host-3' },
    },
  ]),
  isDrained: () => false,
  isHost: (name) => name !== 'host-9',
  isAlive: () => true,
  liveHosts: () => ['host-1', 'host-2', 'host-3'],
  verdict: () => 'healthy',
  now: NOW,
};

/** A service of port 88 to these endpoints. */
export function service(
  endpoints: readonly (string | EndpointRef)[],
  overrides: Partial<ServiceSpec> = {},
): ServiceSpec {
  return {
    name: 's',
    vips: ['2.2.2.2'],
    families: ['ipv4'],
    ports: [{ name: '', protocol: 'tcp', port: 88, targetPort: 8088 }],
    endpoints: endpoints.map((to) => (typeof to === 'string' ? { to } : to)),
    createdAt: '2026-01-01T00:00:00.000Z',
    ...overrides,
  };
}
