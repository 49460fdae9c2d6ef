import { describe, expect, it } from 'vitest';
import { node, problem } from '../support/fake-controller.ts';
import { usePolicies } from '../support/policies.ts';

const own = usePolicies();
const { controller, policies, stored, svcctl } = own;
const denied = (...cidrs: string[]) => ({ rules: [{ action: 'deny', peers: { cidrs } }] });

describe('svcctl policy block', () => {
  it('refuses one address both ways, for all containers, in one command', async () => {
    const { stdout, code } = await svcctl(['policy', 'block', '203.0.113.8']);
    expect([code, stdout]).toEqual([
      0,
      'policy/blocked created  203.0.113.8/32 is blocked for all containers\n',
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
    const last = await svcctl(['policy', 'unblock', '203.0.113.0/24']);
    expect(last.stdout).toBe('policy/blocked deleted  203.0.113.0/24 is unblocked for all containers\n');
    expect(policies.size).toBe(0);
    const none = await svcctl(['policy', 'unblock', '203.0.113.0/24']);
    expect(none.stdout).toBe('policy/blocked unchanged  203.0.113.0/24 is not blocked for all containers\n');
  });

  it('says what the controller warns of: that there is none of a name', async () => {
    const told = 'subjects: there is no container "shopp"';
    controller.on(({ method, query }) =>
      method === 'POST' && !query.dryRun
        ? { status: 201, body: { status: { peers: 1, warnings: [told] }, revision: 11 } }
        : undefined,
    );
    const { code, stderr } = await svcctl(['policy', 'block', '203.0.113.8', '--from', 'shopp']);
    expect([code, stderr]).toEqual([0, `svcctl: policy/blocked-from-shopp: ${told}\n`]);
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
      /^policy\/blocked-from-[0-9a-f]{12} created {2}203\.0\.113\.8\/32 is blocked for app=web\n$/,
    );
  });

  it('loses nothing that somebody else blocks in the same moment', async () => {
    await svcctl(['policy', 'block', '203.0.113.8', '--direction', 'ingress']);
    own.rival(() => {
      const both = { ...stored('blocked'), ingress: denied('203.0.113.8/32', '198.51.100.1/32') };
      policies.set('blocked', { ...both, revision: 99 });
    });
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
    expect(stdout).toBe('policy/blocked created (dry run)  203.0.113.8/32 is blocked for all containers\n');
    expect(policies.size).toBe(0);
  });

  it('waits until every host holds it', async () => {
    const host = (held: number) => {
      const { report, ...rest } = node('host-1', 1);
      return { ...rest, report: { ...report, policiesRevision: held } };
    };
    own.controller.list('/v1/nodes', [host(3)]);
    const blocking = svcctl(['policy', 'block', '203.0.113.8', '--wait']);
    await own.controller.watched('/v1/nodes');
    own.controller.send('/v1/nodes', 'modified', host(11));
    expect((await blocking).stdout).toContain('host-1  applied after');
  });

  it('waits for what was blocked already as well', async () => {
    await svcctl(['policy', 'block', '203.0.113.8']);
    own.controller.list('/v1/nodes', [node('host-1', 100)]);
    const { code, stderr } = await svcctl(['policy', 'block', '203.0.113.8', '--wait', '--timeout', '50ms']);
    expect([code, stderr]).toEqual([
      6,
      expect.stringContaining('every host to hold revision 11: not within'),
    ]);
    expect((await svcctl(['policy', 'unblock', '192.0.2.1', '--from', 'x', '--wait'])).code).toBe(0);
  });

  it('says of a host that lags why', async () => {
    own.controller.list('/v1/nodes', [node('host-1', 100)]);
    const { code, stderr } = await svcctl(['policy', 'block', '203.0.113.8', '--wait', '--timeout', '50ms']);
    expect([code, stderr]).toEqual([
      6,
      'svcctl: waiting for every host to hold revision 11: not within 50 ms, still behind: host-1 (it knows nothing of policies)\n',
    ]);
  });

  it('tells what is wrong by what was typed', async () => {
    const detail = 'ingress.rules[0].peers.cidrs[0] "x" is not an address';
    own.controller.on(({ query }) =>
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
    expect(own.controller.asked).toEqual([]);
  });
});
