import { expect, it } from 'vitest';
import { service } from '../support/fake-controller.ts';
import { useSession } from '../support/session.ts';

const { controller, svcctl } = useSession();

/** The lines of `describe service web`, by label. */
async function described(body: object, endpoints: readonly object[]): Promise<Map<string, string[]>> {
  controller
    .answer('GET', '/v1/services/web', { body: service('web', body) })
    .list('/v1/services/web/endpoints', endpoints);
  const { code, stdout } = await svcctl(['describe', 'service', 'web']);
  expect(code).toBe(0);
  const lines = new Map<string, string[]>();
  let label = '';
  for (const line of stdout.trimEnd().split('\n')) {
    const [, named, value = ''] = /^(?:([A-Z][\w ]*):)? +(.*)$/.exec(line) ?? [];
    label = named ?? label;
    lines.set(label, [...(lines.get(label) ?? []), value]);
  }
  return lines;
}

it('says everything that a service asks for', async () => {
  const lines = await described(
    {
      ...{ vips: ['2.2.2.2', 'fd00::2'], families: ['ipv4', 'ipv6'] },
      endpoints: [
        { to: 'web-1', weight: 3 },
        { to: 'web-2', drain: { until: '2026-01-31T12:00:00Z' } },
      ],
      ...{ selector: { app: 'web' }, affinity: 'client', externalPolicy: 'local', internalPolicy: 'local' },
      ...{ sourceRanges: ['10.0.0.0/8', 'fd00::/8'], publishNotReady: true, whenUnhealthy: 'open' },
      health: {
        ...{ type: 'http', path: '/ready', port: 8080, intervalMs: 2000 },
        ...{ timeoutMs: 500, rise: 1, fall: 3 },
      },
      status: { endpoints: 2, ready: 1, unresolved: ['no "x"'], warnings: ['no endpoint has IPv6'] },
    },
    [
      { portName: '', address: '10.10.1.2', port: 80, container: 'web-1', node: 'host-1', weight: 3 },
      {
        ...{ portName: '', address: 'fd00::7', port: 80, state: 'draining' },
        reason: 'it is being drained until 2026-01-31T12:00:00Z',
      },
    ],
  );
  expect(Object.fromEntries(lines)).toMatchObject({
    VIP: ['2.2.2.2', 'fd00::2'],
    Families: ['ipv4', 'ipv6'],
    Affinity: ['each client stays with one endpoint'],
    External: ['NodePorts lead to endpoints of the host'],
    Internal: ['the VIP leads to endpoints of the host'],
    Clients: ['from 10.0.0.0/8', 'from fd00::/8'],
    Health: [
      'http /ready on port 8080',
      'every 2 s, answer within 500 ms',
      'out after 3 bad, back after 1 good',
    ],
    'Not ready': ['endpoints count as ready all the same'],
    Unhealthy: ['if all are, connections try them'],
    Targets: ['web-1 (weight 3)', 'web-2 (drain until 2026-01-31T12:00:00Z)', 'all with app=web'],
    Endpoints: [
      '10.10.1.2:80 in web-1 on host-1, weight 3',
      '[fd00::7]:80, draining: it is being drained until 2026-01-31T12:00:00Z',
    ],
    Unresolved: ['no "x"'],
    Warnings: ['no endpoint has IPv6'],
  });
});

it('is silent about what was not asked for', async () => {
  const lines = await described({ vips: [] }, []);
  expect([...lines.keys()]).toEqual([
    ...['Name', 'VIP', 'Families', 'Ports', 'Node ports', 'Targets', 'Endpoints', 'Unresolved'],
    ...['Created', 'Revision'],
  ]);
  expect(lines.get('VIP')).toEqual(['none']);
});
