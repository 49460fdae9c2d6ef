import type { FirewallIntent, PolicyIntent, PolicySideIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import type { Chain, Piece, Rule } from './part.ts';
import { kept } from './pieces.ts';
import { type Direction, listPieces, matchRules } from './policy-lists.ts';
import { WORDS } from './words.ts';

/**
 * Who may connect to containers of this host, and to whom they may. A container is an element per direction, whose
 * verdict leads to the chain of its policies; what these match is elements of the chain's sets. Nothing of it is there
 * while no container has a policy.
 *
 * Behind the translation and behind what refuses VIPs (priority 1 after 0). What is refused is dropped without a word:
 * whoever may not come learns nothing, not even that somebody is there. What the host itself begins goes through `output`,
 * which no policy asks.
 */
export function policyPieces(intent: FirewallIntent): readonly Piece[] {
  const { policies, family, bridge } = intent;
  if (policies.length === 0) return [];
  // Whose containers they are comes first: where the rules are taken in parts, nobody is without his chain.
  return [
    kept(ROOT, `${family} ${bridge}`, () => commonPiece(intent)),
    ...policies.map((policy) => subjectPiece(policy, family)),
    ...policies.flatMap((policy) => sidesOf(policy).flatMap((side) => sidePieces(side, family))),
  ];
}

const ROOT = {};

/** By direction: the map of its subjects, and the part of the packet that is a subject's address. */
const DIRECTIONS: Readonly<Record<Direction, { readonly map: string; readonly subject: string }>> = {
  to: { map: 'policies-to', subject: 'daddr' },
  from: { map: 'policies-from', subject: 'saddr' },
};

/** Subjects whose destinations are looked at before translation too. */
const ASKED = 'policies-asked';
const NO_SYN = 'policies-begin';

function commonPiece({ family, bridge }: FirewallIntent): Piece {
  const { ip, addressType } = WORDS[family];
  const spec = `type ${addressType} : verdict`;
  const ask = (direction: Direction): Rule => ({
    text: `${ip} ${DIRECTIONS[direction].subject} vmap @${DIRECTIONS[direction].map}`,
    why:
      direction === 'to'
        ? 'connections to a container with policies'
        : 'connections from a container with policies',
  });
  return {
    maps: [...Object.values(DIRECTIONS).map(({ map }) => map), ASKED].map((name) => ({
      name,
      kind: 'map',
      spec,
    })),
    chains: [
      {
        name: 'policies-forward',
        hook: { type: 'filter', hook: 'forward', priority: 1 },
        rules: [...passing(family), ...nameless(family, bridge), ask('from'), ask('to')],
      },
      {
        name: 'policies-input',
        hook: { type: 'filter', hook: 'input', priority: 1 },
        rules: [...passing(family), ...nameless(family, bridge), ask('from')],
      },
      {
        // Of type nat, though it translates nothing: the kernel asks it for the first packet of a connection only.
        name: ASKED,
        hook: { type: 'nat', hook: 'prerouting', priority: -115 },
        rules: [
          {
            text: `${ip} saddr vmap @${ASKED}`,
            why: 'what a container with policies asked for, before translation',
          },
        ],
      },
      { name: NO_SYN, rules: [noSyn] },
    ],
    elements: [],
  };
}

/** What no policy is asked about. */
function passing(family: Family): readonly Rule[] {
  const rules = [{ text: 'ct state established,related accept', why: 'what stands goes on, and replies' }];
  if (family === 'ipv4') return rules;
  const kinds = 'nd-router-solicit, nd-router-advert, nd-neighbor-solicit, nd-neighbor-advert';
  return [...rules, { text: `icmpv6 type { ${kinds} } accept`, why: 'neighbours find each other' }];
}

/** Every link has addresses that no policy knows anybody by, and containers of one bridge would reach each other by these. */
function nameless(family: Family, bridge: string): readonly Rule[] {
  const { linkLocal } = RANGES[family];
  if (linkLocal === undefined) return [];
  return ['saddr', 'daddr'].map((side) => ({
    text: `iifname "${safe.link(bridge)}" ${WORDS[family].ip} ${side} ${linkLocal} drop`,
    why: `a container, link-local ${side}: no policy would know who it is`,
  }));
}

const noSyn: Rule = {
  text: 'meta l4proto tcp tcp flags & (fin | syn | rst | ack) != syn drop',
  why: 'the middle of a connection that conntrack does not know: forgotten, or never begun',
};

interface Side {
  /** Of its chain: `policy-5f3a-to`. */
  readonly name: string;
  readonly direction: Direction;
  readonly intent: PolicySideIntent;
}

function sidesOf({ id, ingress, egress }: PolicyIntent): readonly Side[] {
  const name = (direction: Direction) => `policy-${safe.policy(id)}-${direction}`;
  return [
    ...(ingress === undefined ? [] : [{ name: name('to'), direction: 'to', intent: ingress } as const]),
    ...(egress === undefined ? [] : [{ name: name('from'), direction: 'from', intent: egress } as const]),
  ];
}

/** Subjects of a policy that says nothing of a direction are asked there for the beginning of their connections. */
function subjectPiece(policy: PolicyIntent, family: Family): Piece {
  const sides = sidesOf(policy);
  const leads = (['from', 'to'] as const).map((direction) => ({
    map: DIRECTIONS[direction].map,
    value: `jump ${sides.find((side) => side.direction === direction)?.name ?? NO_SYN}`,
  }));
  const from = sides.find(({ direction }) => direction === 'from');
  if (from !== undefined && from.intent.deny.length > 0)
    leads.push({ map: ASKED, value: `jump ${from.name}-asked` });
  const text = `${family} ${leads.map(({ value }) => value).join()}`;
  return kept(policy.subjects, text, () => ({
    maps: [],
    chains: [],
    elements: policy.subjects.flatMap((subject) => {
      const key = safe.address(subject, family);
      return leads.map((lead) => ({ ...lead, key }));
    }),
  }));
}

function sidePieces(side: Side, family: Family): readonly Piece[] {
  const { name, intent } = side;
  const chains = kept(intent, `${name} ${family}`, () => ({
    maps: [],
    chains: chainsOf(side, family),
    elements: [],
  }));
  return [
    chains,
    ...listPieces(`${name}-deny`, intent.deny, family),
    ...listPieces(`${name}-allow`, intent.allow, family),
    ...intent.limited.flatMap(({ matches }, i) => listPieces(`${name}-limit${i}`, matches, family)),
  ];
}

/** First the chain that leads to the others. */
function chainsOf({ name, direction, intent }: Side, family: Family): readonly Chain[] {
  const peer = direction === 'to' ? 'saddr' : 'daddr';
  const match = (list: string, verdict: string, why: string) =>
    matchRules({ set: `${name}-${list}`, peer, verdict, why }, family);
  const asked: Chain = { name: `${name}-asked`, rules: match('deny', 'drop', 'denied, before translation') };
  return [
    {
      name,
      rules: [
        noSyn,
        ...match('deny', 'drop', 'denied'),
        ...match('allow', 'return', 'allowed'),
        ...intent.limited.flatMap((_, i) =>
          match(`limit${i}`, `goto ${name}-limit${i}`, 'allowed up to a rate'),
        ),
        ...(intent.default === 'deny' ? [{ text: 'drop', why: 'the default' }] : []),
      ],
    },
    ...(direction === 'from' && intent.deny.length > 0 ? [asked] : []),
    ...intent.limited.map(({ connections, per, burst }, i) => ({
      name: `${name}-limit${i}`,
      rules: [
        {
          text: `limit rate ${safe.count(connections)}/${per} burst ${safe.count(burst)} packets return`,
          why: 'one bucket for all new connections of the rule',
        },
        { text: 'drop', why: 'above the rate' },
      ],
    })),
  ];
}
