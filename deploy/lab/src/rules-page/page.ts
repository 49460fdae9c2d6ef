import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { Family } from '@causeway/shared/net/family';
import { EXPOSE, exampleOf, type Found, type Held, POLICY, RUN } from './example.ts';
import { explain, keyOfMap, keyOfRule, type Station, type Words } from './explain.ts';
import type { Flow } from './flows.ts';
import type { ListedChain, ListedMap, Listing } from './listing.ts';
import { pictureOf } from './picture.ts';
import { shapeOf } from './shape.ts';
import { IPTABLES_RULES, IPTABLES_STATIONS } from './words/iptables.ts';
import * as inIptables from './words/iptables-containers.ts';
import { NFTABLES_MAPS, NFTABLES_RULES, NFTABLES_STATIONS } from './words/nftables.ts';
import * as inNftables from './words/nftables-containers.ts';
import { END, FLOWS, HEAD, IN_IPV6, INTROS } from './words/prose.ts';

interface Book {
  readonly rules: Words;
  readonly maps: Words;
  readonly stations: readonly Station[];
}
const BOOKS: Readonly<Record<Dataplane, Book>> = {
  nftables: {
    rules: { ...NFTABLES_RULES, ...inNftables.CONTAINER_RULES },
    maps: { ...NFTABLES_MAPS, ...inNftables.CONTAINER_MAPS },
    stations: [...NFTABLES_STATIONS, ...inNftables.CONTAINER_STATIONS],
  },
  iptables: {
    rules: { ...IPTABLES_RULES, ...inIptables.CONTAINER_RULES },
    maps: inIptables.IPTABLES_MAPS,
    stations: [...IPTABLES_STATIONS, ...inIptables.CONTAINER_STATIONS],
  },
};

/**
 * docs/rules.md: all that a host holds for the example, each with its explanation.
 *
 * @throws CausewayError `not-found` for a rule, map or chain that no words explain; Error for words about nothing
 */
export function pageOf(found: Found): string {
  const parts = [
    HEAD(
      [EXPOSE, RUN].map((args) => `npx svcctl ${args.join(' ')}`),
      POLICY,
      found.versions,
    ),
    chapterOf('nftables', found.nftables),
    chapterOf('iptables', found.iptables),
    flowsPart(found),
    END,
  ];
  return `${parts.join('\n\n')}\n`;
}

function chapterOf(dataplane: Dataplane, { listings }: Held): string {
  const { stations, ...words } = BOOKS[dataplane];
  const { ipv4, ipv6 } = listings;
  const known = new Set(ipv4.chains.map(({ name }) => shapeOf(name, exampleOf('ipv4'))));
  const parts = [
    `## ${dataplane}`,
    INTROS[dataplane],
    block(pictureOf(dataplane, known)),
    ...(ipv4.maps.length === 0
      ? []
      : ['### Maps and sets', ...ipv4.maps.map((map) => mapPart(map, words.maps))]),
    ...stations.flatMap(({ chain, says }) => stationParts(chain, says, ipv4.chains, words.rules)),
    `### ${IN_IPV6.title}: ${dataplane}`,
    IN_IPV6[dataplane],
    ...ipv6Parts(ipv6, ipv4, words.rules),
  ];
  checkWords(dataplane, listings);
  return parts.join('\n\n');
}

/** @throws Error when the dataplanes make something else of the same connections */
function flowsPart({ nftables, iptables }: Found): string {
  const [text, other] = [nftables, iptables].map(({ flows }) => flows.map(flowText).join('\n\n'));
  if (text === undefined || text !== other)
    throw new Error(`the dataplanes translate otherwise: ${text} and ${other}`);
  return `${FLOWS.before}\n\n${block(text)}\n\n${paragraph(FLOWS.after)}`;
}

function flowText({ who, asked, answered }: Flow): string {
  return `${who}\n    asked     ${asked}\n    answered  ${answered}`;
}

function mapPart(map: ListedMap, words: Words): string {
  const elements = map.elements.map((element) => `    ${element}`);
  const says = explain(words, keyOfMap(map, exampleOf('ipv4')));
  return `${block([map.declaration, ...elements].join('\n'))}\n\n${paragraph(says)}`;
}

/** All chains of one shape: those of several endpoints are told once. */
function stationParts(shape: string, says: string, all: readonly ListedChain[], rules: Words): string[] {
  const example = exampleOf('ipv4');
  const chains = all.filter(({ name }) => shapeOf(name, example) === shape);
  const title = shape.replace(/HASH|\bID\b/, '…').replace(' ', ' · ');
  return [
    `### ${title}`,
    ...chains.flatMap(({ hook }) => (hook === '' ? [] : [`Hooked by \`${hook}\`.`])),
    paragraph(says),
    ...chains.flatMap(({ name, rules: held }, i) =>
      held.map((rule) => {
        const explained = i === 0 ? `\n\n${paragraph(explain(rules, keyOfRule(name, rule, example)))}` : '';
        return `${block(rule)}${explained}`;
      }),
    ),
  ];
}

/** What IPv6 has and IPv4 has not. */
function ipv6Parts(ipv6: Listing, ipv4: Listing, rules: Words): string[] {
  const inIpv4 = new Set(ipv4.chains.flatMap((chain) => keysOf(chain, 'ipv4')));
  return ipv6.chains.flatMap(({ name, rules: held }) =>
    held.flatMap((rule) => {
      const key = keyOfRule(name, rule, exampleOf('ipv6'));
      return inIpv4.has(key) ? [] : [`In \`${name}\`:`, block(rule), paragraph(explain(rules, key))];
    }),
  );
}

function keysOf({ name, rules }: ListedChain, family: Family): string[] {
  return rules.map((rule) => keyOfRule(name, rule, exampleOf(family)));
}

/** Nothing that is listed is without words, in either family, and no words are about what is not there. */
function checkWords(dataplane: Dataplane, listings: Held['listings']): void {
  const { rules, maps, stations } = BOOKS[dataplane];
  const used = new Set<string>();
  for (const family of ['ipv4', 'ipv6'] as const) {
    const example = exampleOf(family);
    for (const chain of listings[family].chains) {
      const shape = shapeOf(chain.name, example);
      explain(Object.fromEntries(stations.map(({ chain: name, says }) => [name, says])), shape);
      for (const key of [shape, ...keysOf(chain, family)]) used.add(key);
      for (const key of keysOf(chain, family)) explain(rules, key);
    }
    for (const map of listings[family].maps) {
      explain(maps, keyOfMap(map, example));
      used.add(keyOfMap(map, example));
    }
  }
  const words = [...Object.keys(rules), ...Object.keys(maps), ...stations.map(({ chain }) => chain)];
  const idle = words.filter((key) => !used.has(key));
  if (idle.length > 0) throw new Error(`docs/rules.md explains what is not there: ${idle.join(' | ')}`);
}

/** Lines of the width that the other pages have. */
function paragraph(text: string): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines.join('\n');
}

const WIDTH = 120;

function block(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``;
}
