import { createHash } from 'node:crypto';
import type { FirewallIntent, ServiceIntent } from '../../desired/intent.ts';
import { CausewayError } from '../../errors.ts';
import { NFT_TABLE } from '../../names.ts';
import type { Family } from '../../net/family.ts';
import { forward } from './forward.ts';
import { masquerade } from './masquerade.ts';
import { policyPieces } from './network-policies.ts';
import { nodePorts } from './node-ports.ts';
import { outside } from './outside.ts';
import type { Chain, Element, MapDeclaration, Part, Piece, Rule } from './part.ts';
import { publishedPieces } from './published.ts';
import { reject } from './reject.ts';
import { services } from './services.ts';
import { sources } from './sources.ts';
import { WORDS } from './words.ts';

const PARTS: readonly Part[] = [services, nodePorts, outside, sources, masquerade, forward, reject];

/** `ip causeway` or `ip6 causeway`, as nft commands name the table. */
export function tableOf(family: Family): string {
  return `${WORDS[family].ip} ${NFT_TABLE}`;
}

/** By map, then by key; the value is empty in a set. */
export type Elements = ReadonlyMap<string, ReadonlyMap<string, string>>;

/** The maps that services fill. */
export function mapsOf(intent: FirewallIntent): readonly MapDeclaration[] {
  return PARTS.flatMap((part) => part.maps(intent));
}

/** The chains that services, or nothing but the settings, ask for. */
export function chainsOf(intent: FirewallIntent): readonly Chain[] {
  return PARTS.flatMap((part) => part.chains(intent));
}

/** What the intent asks for beside its services. */
export function piecesOf(intent: FirewallIntent): readonly Piece[] {
  return [...publishedPieces(intent), ...policyPieces(intent)];
}

/** Everything that the table holds. @throws CausewayError `internal` as `elementsOf` */
export function wholeOf(intent: FirewallIntent) {
  const pieces = piecesOf(intent);
  return {
    maps: [...mapsOf(intent), ...pieces.flatMap(({ maps }) => maps)],
    chains: [...chainsOf(intent), ...pieces.flatMap(({ chains }) => chains)],
    elements: elementsOf(intent.services, intent.family, pieces),
  };
}

/**
 * @throws CausewayError `internal` when two services claim one VIP and port, or one NodePort, or two containers one
 * published port.
 */
export function elementsOf(
  services: readonly ServiceIntent[],
  family: Family,
  pieces: readonly Piece[] = [],
): Elements {
  const found = new Map<string, Map<string, string>>();
  for (const { elements } of pieces) for (const one of elements) add(found, one);
  for (const service of services)
    for (const part of PARTS) for (const one of part.elements(service, family)) add(found, one);
  return found;
}

function add(to: Map<string, Map<string, string>>, { map, key, value = '' }: Element): void {
  const elements = to.get(map) ?? new Map<string, string>();
  to.set(map, elements);
  if (value !== '' && elements.has(key))
    throw new CausewayError('internal', `rendering rules: ${key} of the map ${map} is claimed twice`);
  elements.set(key, value);
}

/** The block that makes these maps and chains; what else the table holds stays. */
export function renderTable(
  family: Family,
  maps: readonly MapDeclaration[],
  chains: readonly Chain[],
): string {
  return [`table ${tableOf(family)} {`, ...maps.map(renderMap), ...chains.map(renderChain), '}'].join('\n');
}

function renderMap(map: MapDeclaration): string {
  return `  ${map.kind} ${map.name} { ${map.spec}; }`;
}

function renderChain(chain: Chain): string {
  const { hook } = chain;
  const head =
    hook === undefined
      ? []
      : [`    type ${hook.type} hook ${hook.hook} priority ${hook.priority}; policy accept;`];
  const rules = chain.rules.map((rule) => `    ${renderRule(rule)}`);
  return [`  chain ${chain.name} {`, ...head, ...rules, '  }'].join('\n');
}

function renderRule(rule: Rule): string {
  return `${rule.text} comment "${commentOf(rule)}"`;
}

/**
 * The rule's reason and a fingerprint of its text. nft lists a rule in another wording than it was given, and
 * each version in its own; the comment comes back as it was, so drift compares that.
 */
export function commentOf(rule: Rule): string {
  return `${rule.why} [${createHash('sha256').update(rule.text).digest('hex').slice(0, 6)}]`;
}

/** `add` or `delete` for many elements of one map, in one statement. */
export function renderElements(
  verb: 'add' | 'delete',
  family: Family,
  map: string,
  elements: ReadonlyMap<string, string>,
): string {
  const lines: string[] = [];
  for (const [key, value] of elements)
    lines.push(verb === 'delete' || value === '' ? `  ${key}` : `  ${key} : ${value}`);
  return `${verb} element ${tableOf(family)} ${map} {\n${lines.join(',\n')}\n}`;
}
