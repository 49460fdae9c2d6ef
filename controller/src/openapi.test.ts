import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { z } from 'zod';
import { type Rig, startRig } from '../../test/support/controller.ts';
import { containerSchema, containerStatusSchema } from './objects/container.ts';
import { endpointSchema } from './objects/endpoint.ts';
import { nodeSchema } from './objects/node.ts';
import { serviceSchema } from './objects/service.ts';
import { subnetSchema } from './objects/subnet.ts';
import { workloadSchema } from './objects/workload.ts';

let rig: Rig;

beforeAll(async () => {
  rig = await startRig();
  await rig.ask('PUT', '/v1/services/a', {
    ports: [{ port: 80, nodePort: 'auto' }],
    endpoints: [
      'web-1',
      '10.9.9.9',
      { to: '10.10.2.3', weight: 2, drain: { until: '2027-01-01T00:00:00Z' } },
    ],
    selector: { app: 'db' },
    affinity: 'client',
    externalPolicy: 'local',
    internalPolicy: 'local',
    sourceRanges: ['10.0.0.0/8'],
    publishNotReady: true,
    health: { type: 'http' },
    whenUnhealthy: 'open',
  });
  await rig.ask('POST', '/v1/workloads', { name: 'db', addresses: ['203.0.113.9'], labels: { app: 'db' } });
  await rig.settled();
});

afterAll(() => rig.close());

describe('/openapi.json', () => {
  it('describes every route, and refers to nothing that is not there', async () => {
    const { body } = await rig.ask('GET', '/openapi.json');
    expect(body.openapi).toBe('3.1.0');
    expect(Object.keys(body.paths).sort()).toEqual([
      '/livez',
      '/metrics',
      '/readyz',
      '/v1/container-status',
      '/v1/containers',
      '/v1/containers/{name}',
      '/v1/containers/{name}/exec',
      '/v1/containers/{name}/log',
      '/v1/containers/{name}/net',
      '/v1/containers/{name}/start',
      '/v1/containers/{name}/stop',
      '/v1/endpoints',
      '/v1/events',
      '/v1/images',
      '/v1/images/pull',
      '/v1/images/{name}',
      '/v1/ipam/check',
      '/v1/network',
      '/v1/network/confirm',
      '/v1/nodes',
      '/v1/nodes/{name}',
      '/v1/nodes/{name}/cordon',
      '/v1/nodes/{name}/drain',
      '/v1/nodes/{name}/net',
      '/v1/nodes/{name}/release',
      '/v1/nodes/{name}/reserve',
      '/v1/nodes/{name}/uncordon',
      '/v1/policies',
      '/v1/policies/{name}',
      '/v1/policies/{name}/peers',
      '/v1/policies/{name}/subjects',
      '/v1/reservations',
      '/v1/services',
      '/v1/services/{name}',
      '/v1/services/{name}/endpoints',
      '/v1/services/{name}/endpoints/{to}',
      '/v1/settings',
      '/v1/status',
      '/v1/subnets',
      '/v1/workloads',
      '/v1/workloads/{name}',
      '/version',
    ]);
    const refs = [...JSON.stringify(body).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map(
      ([, name]) => name,
    );
    for (const name of refs) expect(Object.keys(body.components.schemas)).toContain(name);
    expect(refs).toContain('Problem');
  });
});

describe('answers', () => {
  it.each<[string, z.ZodType]>([
    ['/v1/nodes', nodeSchema],
    ['/v1/subnets', subnetSchema],
    ['/v1/services', serviceSchema],
    ['/v1/endpoints', endpointSchema],
    ['/v1/containers', containerSchema],
    ['/v1/workloads', workloadSchema],
    ['/v1/container-status', containerStatusSchema],
  ])('of %s are what the document says', async (url, schema) => {
    const { body } = await rig.ask('GET', url);
    expect(body.items.length).toBeGreaterThan(0);
    // An unknown field would be dropped by the schema, and so be seen here.
    for (const item of body.items) expect(schema.parse(item)).toEqual(item);
  });
});

describe('/metrics', () => {
  it('counts answers by route, not by path', async () => {
    await rig.ask('GET', '/v1/services/no-such-service');
    const { body } = await rig.ask('GET', '/metrics');
    expect(body).toContain(
      'causeway_http_request_duration_seconds_count{method="GET",route="/v1/services/:name",status="404"} 1',
    );
    expect(body).not.toContain('no-such-service');
    for (const line of [
      'causeway_services 1',
      'causeway_nodes 2',
      'causeway_nodes_alive 2',
      'causeway_etcd_connected 1',
    ]) {
      expect(body).toContain(`\n${line}\n`);
    }
  });
});

describe('containers', () => {
  it('are made, shown with their status, and removed', async () => {
    const input = { name: 'c', host: 'host-2', command: ['httpd', '-f'], files: { '/www/hello': 'c' } };
    const dry = await rig.ask('POST', '/v1/containers?dryRun=true', input);
    expect(dry).toMatchObject({ status: 200, body: { ...input, revision: 0 } });
    const made = await rig.ask('POST', '/v1/containers', input);
    expect(made).toMatchObject({ status: 201, headers: { location: '/v1/containers/c' } });
    expect(await rig.ask('POST', '/v1/containers', input)).toMatchObject({ status: 200, body: made.body });
    expect((await rig.ask('GET', '/v1/containers/c')).body).toEqual(made.body);
    expect((await rig.ask('GET', '/v1/containers/web-1')).body.status).toEqual({
      revision: expect.any(Number),
      name: 'web-1',
      host: 'host-1',
      state: 'running',
      address: '10.10.1.2',
    });
    const late = { 'if-match': '"1"' };
    expect((await rig.ask('DELETE', '/v1/containers/c', undefined, late)).status).toBe(412);
    const gone = await rig.ask('DELETE', '/v1/containers/c');
    expect(gone).toMatchObject({ status: 200, body: { name: 'c', revision: expect.any(Number) } });
    expect((await rig.ask('GET', '/v1/containers/c')).status).toBe(404);
  });
});
