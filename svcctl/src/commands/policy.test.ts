import { describe, expect, it } from 'vitest';
import { problem } from '../support/fake-controller.ts';
import { usePolicies } from '../support/policies.ts';

const own = usePolicies();
const { policies, stored, svcctl } = own;

const GUARD = {
  ...{ name: 'guard', subjects: { labels: { app: 'db' } }, revision: 4 },
  ingress: {
    default: 'deny',
    rules: [
      {
        action: 'allow',
        peers: { cidrs: ['10.0.0.0/8'], labels: { app: 'web' } },
        ports: [{ protocol: 'tcp', port: 80, endPort: 90 }],
        limit: { connections: 25, per: 'minute', burst: 100 },
      },
      { action: 'deny' },
    ],
  },
  status: { peers: 2, warnings: ['peers: there is no container or workload "x"'] },
};

describe('svcctl policy', () => {
  it('lists, shows and describes', async () => {
    own.controller.list('/v1/policies', [GUARD]).answer('GET', '/v1/policies/guard', { body: GUARD });
    const table = 'NAME    CONTAINERS   INGRESS         EGRESS\nguard   app=db       deny, 2 rules   -\n';
    for (const argv of [
      ['policy', 'list'],
      ['policy', 'get', 'guard'],
      ['get', 'policies'],
      ['get', 'np', 'guard'],
    ])
      expect((await svcctl(argv)).stdout).toBe(table);
    const subjects = [
      { name: 'db-1', host: 'host-1', addresses: ['10.10.1.2'] },
      { name: 'db-2', host: 'host-1', addresses: [], unruled: 'macvlan' },
    ];
    own.controller
      .answer('GET', '/v1/policies/guard/subjects', { body: { items: subjects } })
      .answer('GET', '/v1/policies/guard/peers', {
        body: { items: [{ side: 'ingress', rule: 0, addresses: ['10.10.2.2', '10.10.2.3'] }] },
      });
    const { stdout } = await svcctl(['policy', 'describe', 'policy/guard']);
    expect(stdout).toBe(
      [
        'Name:         guard',
        'About:        app=db',
        'Containers:   db-1 on host-1 at 10.10.1.2',
        '              db-2 on host-1: no policy holds with the network mode macvlan',
        'Ingress:      allow from 10.0.0.0/8, app=web at tcp 80-90, at most 25/minute, burst 100',
        '              deny from everybody',
        '              deny everything else',
        'Egress:       not spoken of',
        'Peers:        ingress rule 1: 10.10.2.2, 10.10.2.3',
        'Warnings:     peers: there is no container or workload "x"',
        'Revision:     4',
        '',
      ].join('\n'),
    );
    expect((await svcctl(['describe', 'policy', 'guard'])).stdout).toBe(stdout);
  });

  it('applies what it prints, and nothing but policies', async () => {
    policies.set('guard', GUARD);
    const printed = (await svcctl(['policy', 'get', 'guard', '-o', 'yaml'])).stdout;
    expect(printed).toContain('kind: NetworkPolicy');
    const stdin = async () => printed;
    for (const argv of [['policy', 'apply'], ['apply']])
      expect((await svcctl([...argv, '-f', '-'], { stdin })).stdout).toMatch(/^policy\/guard /);
    const { revision: _revision, status: _status, ...definition } = GUARD;
    expect(stored('guard')).toEqual(definition);
    const other = { stdin: async () => 'kind: Service\nname: web\nports: [{port: 1}]\n' };
    const { code, stderr } = await svcctl(['policy', 'apply', '-f', '-'], other);
    expect([code, stderr]).toEqual([
      2,
      'svcctl: stdin, document 1 (line 1) is a Service, not a NetworkPolicy: use svcctl apply\n',
    ]);
  });

  it('applies several at once, and nothing where they are refused together', async () => {
    const both =
      'kind: NetworkPolicy\nname: a\nsubjects: {}\n---\nkind: NetworkPolicy\nname: b\nsubjects: {}\n';
    const apply = (text: string) => svcctl(['policy', 'apply', '-f', '-'], { stdin: async () => text });
    const written = () => own.controller.writes().filter((write) => !write.endsWith('?dryRun'));
    policies.set('b', { name: 'b', subjects: {}, revision: 5 });
    expect((await apply(both)).stdout).toMatch(/^policy\/a created\npolicy\/b /);
    expect(written()).toEqual(['PATCH /v1/policies']);
    expect(policies.get('a')?.revision).toBe(policies.get('b')?.revision);
    own.controller.on(({ method }) =>
      method === 'PATCH'
        ? problem('invalid', 422, 'items[1]: ingress is missing', 'items[1].ingress')
        : undefined,
    );
    const { code, stdout, stderr } = await apply(both);
    expect([code, stdout, stderr]).toEqual([
      ...[2, ''],
      'svcctl: stdin, document 2 (line 5): items[1]: ingress is missing\n',
    ]);
    expect(written()).toHaveLength(1);
  });

  it('deletes one, by either command', async () => {
    policies.set('guard', GUARD);
    expect((await svcctl(['policy', 'delete', 'guard'])).stdout).toBe('policy/guard deleted\n');
    policies.set('guard', GUARD);
    expect((await svcctl(['delete', 'policy', 'guard'])).stdout).toBe('policy/guard deleted\n');
    expect(policies.size).toBe(0);
  });
});
