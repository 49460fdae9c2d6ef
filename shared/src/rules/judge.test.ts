import { describe, expect, it } from 'vitest';
import type { PolicyIntent, PolicySideIntent } from '../desired/intent.ts';
import { type JudgedConnection, judgeOf } from './judge.ts';

const SUBJECT = '10.10.1.2';
const NOTHING: PolicySideIntent = { default: 'allow', deny: [], allow: [], limited: [] };

function judge(sides: Pick<PolicyIntent, 'ingress' | 'egress'>, one: Partial<JudgedConnection>): string {
  const connection = { protocol: 'tcp', source: '10.10.2.2', destination: SUBJECT, port: 80, ...one };
  return judgeOf([{ id: 'a1', subjects: [SUBJECT], ...sides }])(connection);
}

describe('the judge of connections', () => {
  it('accepts what no side speaks of', () => {
    expect(judge({}, {})).toBe('accept');
    expect(judge({ egress: { ...NOTHING, default: 'deny' } }, {})).toBe('accept');
    expect(judge({ ingress: { ...NOTHING, default: 'deny' } }, { destination: '10.10.1.9' })).toBe('accept');
  });

  it('asks for deny, then allow, then what is limited, then the default', () => {
    const peer = { cidr: '10.10.2.0/24' };
    const limited = [{ matches: [peer], connections: 25, per: 'minute', burst: 100 }] as const;
    const side = { ...NOTHING, default: 'deny' } as const;
    expect(judge({ ingress: side }, {})).toBe('refuse');
    expect(judge({ ingress: { ...side, limited } }, {})).toBe('accept');
    expect(judge({ ingress: { ...side, allow: [peer] } }, {})).toBe('accept');
    expect(judge({ ingress: { ...side, limited, allow: [peer], deny: [peer] } }, {})).toBe('refuse');
    expect(judge({ ingress: { ...NOTHING, deny: [peer] } }, {})).toBe('refuse');
    expect(judge({ ingress: { ...NOTHING, deny: [peer] } }, { source: '10.10.3.1' })).toBe('accept');
  });

  it('goes by protocol and port after translation', () => {
    const allow = [{ cidr: '0.0.0.0/0', protocol: 'tcp', firstPort: 80, lastPort: 90 }] as const;
    const ingress = { ...NOTHING, default: 'deny', allow } as const;
    expect([79, 80, 90, 91].map((port) => judge({ ingress }, { port }))).toEqual([
      'refuse',
      'accept',
      'accept',
      'refuse',
    ]);
    expect(judge({ ingress }, { protocol: 'udp' })).toBe('refuse');
    const { port: _, ...ping } = { protocol: 'icmp', source: '10.10.2.2', destination: SUBJECT, port: 0 };
    expect(judgeOf([{ id: 'a1', subjects: [SUBJECT], ingress }])(ping)).toBe('refuse');
    const everything = { ...ingress, allow: [{ cidr: '0.0.0.0/0' }] };
    expect(judgeOf([{ id: 'a1', subjects: [SUBJECT], ingress: everything }])(ping)).toBe('accept');
  });

  it('denies a destination also by what the container asked for, and allows by where it led alone', () => {
    const vip = { cidr: '2.2.2.2/32', protocol: 'tcp', firstPort: 88, lastPort: 88 } as const;
    const asked = {
      source: SUBJECT,
      destination: '10.10.2.2',
      port: 12345,
      askedFor: '2.2.2.2',
      askedForPort: 88,
    };
    expect(judge({ egress: { ...NOTHING, deny: [vip] } }, asked)).toBe('refuse');
    expect(judge({ egress: { ...NOTHING, deny: [vip] } }, { ...asked, askedForPort: 89 })).toBe('accept');
    expect(judge({ egress: { ...NOTHING, default: 'deny', allow: [vip] } }, asked)).toBe('refuse');
  });

  it('asks both ends of a connection between two containers', () => {
    const refused = { ...NOTHING, default: 'deny' } as const;
    const policies = [
      { id: 'a1', subjects: [SUBJECT], egress: NOTHING },
      { id: 'b2', subjects: ['10.10.1.3'], ingress: refused },
    ];
    const connection = { protocol: 'tcp', source: SUBJECT, destination: '10.10.1.3', port: 80 };
    expect(judgeOf(policies)(connection)).toBe('refuse');
    expect(judgeOf(policies.slice(0, 1))(connection)).toBe('accept');
  });
});
