import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { node, problem } from '../support/fake-controller.ts';
import { openSession } from '../support/session.ts';

type Session = Awaited<ReturnType<typeof openSession>>;
let session: Session;
let controller: Session['controller'];
let svcctl: Session['svcctl'];
/** What the controller has, by name. */
let policies: Map<string, { revision: number; [field: string]: unknown }>;
/** Called before each write, once: somebody else's comes first. */
let rival: (() => void) | undefined;
/** Headers are not kept by the fake: what a write was guarded by is judged by its revision. */
let revision: number;

const PATH = '/v1/policies/';

beforeEach(async () => {
  session = await openSession();
  ({ controller, svcctl } = session);
  policies = new Map();
  rival = undefined;
  revision = 10;
  controller.on(({ method, path, query, body }) => {
    if (!path.startsWith('/v1/policies')) return undefined;
    const sent = body as { name?: string; ingress?: { rules: { peers: { cidrs: string[] } }[] } } | undefined;
    const name = path.startsWith(PATH) ? path.slice(PATH.length) : (sent?.name ?? '');
    const found = policies.get(name);
    if (method === 'PATCH') {
      const { items } = body as { items: readonly { name: string }[] };
      revision += query.dryRun ? 0 : 1;
      if (!query.dryRun) for (const item of items) policies.set(item.name, { ...item, revision });
      return { body: { items }, headers: { 'x-causeway-revision': String(revision) } };
    }
    if (method === 'GET') return found === undefined ? problem('not-found', 404, 'none') : { body: found };
    if (query.dryRun) {
      const cidrs = sent?.ingress?.rules[0]?.peers.cidrs.map((one) =>
        one.includes('/') ? one : `${one}/32`,
      );
      const rules = [{ action: 'deny', peers: { cidrs } }];
      return { body: { name, ingress: { rules }, revision: found?.revision ?? 0 } };
    }
    const other = rival;
    rival = undefined;
    if (other !== undefined) {
      other();
      return problem('conflict', 412, 'changing it: If-Match asks for another');
    }
    revision += 1;
    if (method === 'DELETE') policies.delete(name);
    else policies.set(name, { ...(sent as object), name, revision });
    return { body: { name, revision } };
  });
});
afterEach(() => session.close());

const stored = (name: string) => {
  const { revision: _revision, ...rest } = policies.get(name) ?? { revision: 0 };
  return rest;
};
const denied = (...cidrs: string[]) => ({ rules: [{ action: 'deny', peers: { cidrs } }] });

describe('svcctl policy block', () => {
  it('refuses one address both ways, for all containers, in one command', async () => {
    const { stdout, code } = await svcctl(['policy', 'block', '203.0.113.8']);
    expect([code, stdout]).toEqual([
      0,
      'policy/blocked configured  203.0.113.8/32 is blocked for all containers\n',
    ]);
    const both = denied('203.0.113.8/32');
    expect(stored('blocked')).toEqual({ name: 'blocked', subjects: {}, ingress: both, egress: both });
  });

  it('adds to what is blocked, once, and gives it back until nothing is left', async () => {
    await svcctl(['policy', 'block', '203.0.113.8']);
    await svcctl(['policy', 'block', '203.0.113.0/24', '--direction', 'ingress']);
    expect(stored('blocked')).toMatchObject({
      ingress: denied('203.0.113.8/32', '203.0.113.0/24'),
      egress: denied('203.0.113.8/32'),
    });
    const again = await svcctl(['policy', 'block', '203.0.113.8']);
    expect(again.stdout).toBe('policy/blocked unchanged  203.0.113.8/32 is blocked for all containers\n');
    const free = await svcctl(['policy', 'unblock', '203.0.113.8']);
    expect(free.stdout).toBe('policy/blocked configured  203.0.113.8/32 is unblocked for all containers\n');
    expect(stored('blocked')).toMatchObject({ ingress: denied('203.0.113.0/24'), egress: { rules: [] } });
    await svcctl(['policy', 'unblock', '203.0.113.0/24']);
    expect(policies.size).toBe(0);
    const none = await svcctl(['policy', 'unblock', '203.0.113.0/24']);
    expect(none.stdout).toBe('policy/blocked unchanged  203.0.113.0/24 is not blocked for all containers\n');
  });

  it('has a policy for each set of containers, and a rule for each port', async () => {
    await svcctl([
      'policy',
      'block',
      '203.0.113.8',
      '--from',
      'db-1',
      '--to',
      '53/udp',
      '--direction',
      'ingress',
    ]);
    const rule = {
      action: 'deny',
      peers: { cidrs: ['203.0.113.8/32'] },
      ports: [{ protocol: 'udp', port: 53 }],
    };
    expect(stored('blocked-from-db-1')).toEqual({
      ...{ name: 'blocked-from-db-1', subjects: { containers: ['db-1'] } },
      ingress: { rules: [rule] },
    });
    const labelled = await svcctl(['policy', 'block', '203.0.113.8', '--label', 'app=web']);
    expect(labelled.stdout).toMatch(
      /^policy\/blocked-from-[0-9a-f]{12} configured {2}203\.0\.113\.8\/32 is blocked for app=web\n$/,
    );
  });

  it('loses nothing that somebody else blocks in the same moment', async () => {
    await svcctl(['policy', 'block', '203.0.113.8', '--direction', 'ingress']);
    rival = () => {
      const both = { ...stored('blocked'), ingress: denied('203.0.113.8/32', '198.51.100.1/32') };
      policies.set('blocked', { ...both, revision: 99 });
    };
    await svcctl(['policy', 'block', '192.0.2.1', '--direction', 'ingress']);
    expect(stored('blocked')).toMatchObject({
      ingress: denied('203.0.113.8/32', '198.51.100.1/32', '192.0.2.1/32'),
    });
  });

  it.each(['block', 'unblock'])(
    'says that nothing is %sed by a policy that is about others',
    async (verb) => {
      const both = denied('203.0.113.8/32');
      policies.set('blocked', { subjects: { labels: { app: 'web' } }, ingress: both, revision: 5 });
      const { code, stderr } = await svcctl(['policy', verb, '203.0.113.8']);
      expect([code, stderr]).toEqual([
        4,
        'svcctl: policy "blocked" is about app=web, and no more about all containers: give what it says another name, and delete it\n',
      ]);
      expect(policies.get('blocked')?.revision).toBe(5);
    },
  );

  it('changes nothing in a dry run', async () => {
    const { stdout } = await svcctl(['policy', 'block', '203.0.113.8', '--dry-run']);
    expect(stdout).toBe(
      'policy/blocked configured (dry run)  203.0.113.8/32 is blocked for all containers\n',
    );
    expect(policies.size).toBe(0);
  });

  it('waits until every host holds it', async () => {
    const host = (held: number) => {
      const { report, ...rest } = node('host-1', 1);
      return { ...rest, report: { ...report, policiesRevision: held } };
    };
    controller.list('/v1/nodes', [host(3)]);
    const blocking = svcctl(['policy', 'block', '203.0.113.8', '--wait']);
    await controller.watched('/v1/nodes');
    controller.send('/v1/nodes', 'modified', host(11));
    expect((await blocking).stdout).toContain('host-1  applied after');
  });

  it('waits for what was blocked already as well', async () => {
    await svcctl(['policy', 'block', '203.0.113.8']);
    controller.list('/v1/nodes', [node('host-1', 100)]);
    const { code, stderr } = await svcctl(['policy', 'block', '203.0.113.8', '--wait', '--timeout', '50ms']);
    expect([code, stderr]).toEqual([
      6,
      expect.stringContaining('every host to hold revision 11: not within'),
    ]);
    expect((await svcctl(['policy', 'unblock', '192.0.2.1', '--from', 'x', '--wait'])).code).toBe(0);
  });

  it('says of a host that lags why', async () => {
    controller.list('/v1/nodes', [node('host-1', 100)]);
    const { code, stderr } = await svcctl(['policy', 'block', '203.0.113.8', '--wait', '--timeout', '50ms']);
    expect([code, stderr]).toEqual([
      6,
      'svcctl: waiting for every host to hold revision 11: not within 50 ms, still behind: host-1 (it knows nothing of policies)\n',
    ]);
  });

  it('tells what is wrong by what was typed', async () => {
    const detail = 'ingress.rules[0].peers.cidrs[0] "x" is not an address';
    controller.on(({ query }) =>
      query.dryRun ? problem('invalid', 422, detail, 'ingress.rules[0].peers.cidrs[0]') : undefined,
    );
    expect(await svcctl(['policy', 'block', 'x'])).toMatchObject({
      ...{ code: 2, stderr: 'svcctl: address "x" is not an address\n' },
    });
  });

  it.each([
    [['203.0.113.8', '--to', '0'], 'to "0" is not PORT, PORT-PORT or PORT/PROTOCOL'],
    [['203.0.113.8', '--to', '90-80'], 'to "90-80" is not PORT'],
    [['203.0.113.8', '--from', '../x'], 'from "../x" is not a name'],
    [['203.0.113.8', '--label', 'x'], 'label "x" is not KEY=VALUE'],
    [['203.0.113.8', '--direction', 'up'], 'Allowed choices are ingress, egress'],
    [[], "missing required argument 'address'"],
  ])('%j is refused and asks nobody', async (argv, sentence) => {
    const { code, stderr } = await svcctl(['policy', 'block', ...argv]);
    expect(code).toBe(2);
    expect(stderr).toContain(sentence);
    expect(controller.asked).toEqual([]);
  });
});

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
    controller.list('/v1/policies', [GUARD]).answer('GET', '/v1/policies/guard', { body: GUARD });
    const table = 'NAME    CONTAINERS   INGRESS         EGRESS\nguard   app=db       deny, 2 rules   -\n';
    for (const argv of [
      ['policy', 'list'],
      ['policy', 'get', 'guard'],
      ['get', 'policies'],
      ['get', 'np', 'guard'],
    ])
      expect((await svcctl(argv)).stdout).toBe(table);
    const subject = { name: 'db-1', host: 'host-1', addresses: ['10.10.1.2'] };
    controller
      .answer('GET', '/v1/policies/guard/subjects', { body: { items: [subject] } })
      .answer('GET', '/v1/policies/guard/peers', {
        body: { items: [{ side: 'ingress', rule: 0, addresses: ['10.10.2.2', '10.10.2.3'] }] },
      });
    const { stdout } = await svcctl(['policy', 'describe', 'policy/guard']);
    expect(stdout).toBe(
      [
        'Name:         guard',
        'About:        app=db',
        'Containers:   db-1 on host-1 at 10.10.1.2',
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
    const written = () => controller.writes().filter((write) => !write.endsWith('?dryRun'));
    policies.set('b', { name: 'b', subjects: {}, revision: 5 });
    expect((await apply(both)).stdout).toMatch(/^policy\/a created\npolicy\/b /);
    expect(written()).toEqual(['PATCH /v1/policies']);
    expect(policies.get('a')?.revision).toBe(policies.get('b')?.revision);
    controller.on(({ method }) =>
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
