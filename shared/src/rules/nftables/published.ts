import type { FirewallIntent, PublishedIntent } from '../../desired/intent.ts';
import type { Family } from '../../net/family.ts';
import { RANGES } from '../ranges.ts';
import { safe } from '../safe.ts';
import { REPLACE } from './masquerade.ts';
import { NODE_PORT_KEY, nodePortVerdicts } from './node-ports.ts';
import type { Chain, Element, MapDeclaration, Piece, Rule } from './part.ts';
import { kept } from './pieces.ts';
import { vipKey } from './services.ts';
import { markOf, WORDS } from './words.ts';

/**
 * A port of this host → one of its containers. A published port is nothing but elements: its verdict, and where it leads
 * to. Behind services and NodePorts (priority -100), and nothing of it is there while nothing is published.
 *
 * Who comes from outside keeps his address: the container answers through this host anyhow.
 */
export function publishedPieces(intent: FirewallIntent): readonly Piece[] {
  const { published, family } = intent;
  if (published.length === 0) return [];
  return [
    kept(published, `${family} ${safe.mark(intent.mark)}`, () => ({
      maps: mapsOf(family),
      chains: chainsOf(intent),
      elements: published.flatMap((one) => elementsOf(one, family)),
    })),
  ];
}

function mapsOf(family: Family): readonly MapDeclaration[] {
  const { addressType } = WORDS[family];
  const place = `${addressType} . inet_service`;
  return [
    {
      name: 'published',
      kind: 'map',
      spec: `type ${addressType} . inet_proto . inet_service : verdict`,
    },
    { name: 'publish', kind: 'map', spec: `type ${addressType} . inet_proto . inet_service : ${place}` },
    nodePortVerdicts('published-anywhere'),
    { name: 'publish-anywhere', kind: 'map', spec: `type inet_proto . inet_service : ${place}` },
    { name: 'published-hairpins', kind: 'set', spec: `type ${addressType} . ${addressType}` },
  ];
}

function chainsOf(intent: FirewallIntent): readonly Chain[] {
  const { ip } = WORDS[intent.family];
  const key = vipKey(intent.family);
  const hooked = (hook: 'prerouting' | 'output'): Chain => ({
    name: `published-${hook}`,
    hook: { type: 'nat', hook, priority: -99 },
    rules: [{ text: 'jump published', why: 'the first packet of a connection, no service’s' }],
  });
  return [
    hooked('prerouting'),
    hooked('output'),
    {
      name: 'published-postrouting',
      hook: { type: 'nat', hook: 'postrouting', priority: 99 },
      rules: [
        {
          text: `ct status dnat ${ip} saddr . ${ip} daddr @published-hairpins ${REPLACE}`,
          why: 'hairpin: a container that reached itself by its published port',
        },
      ],
    },
    {
      name: 'published',
      rules: [
        {
          text: `fib daddr type local ${key} vmap @published`,
          why: 'a port published on one address, while this host has that',
        },
        {
          text: `${ip} daddr != ${RANGES[intent.family].loopback} fib daddr type local ${NODE_PORT_KEY} vmap @published-anywhere`,
          why: 'a port published on all addresses of this host, loopback excepted',
        },
      ],
    },
    { name: 'publish', rules: translation(intent, `${key} map @publish`) },
    { name: 'publish-anywhere', rules: translation(intent, `${NODE_PORT_KEY} map @publish-anywhere`) },
  ];
}

function translation(intent: FirewallIntent, place: string): readonly Rule[] {
  return [
    {
      text: `fib saddr type local ${markOf(intent)}`,
      why: 'this host itself asks: masquerade, as on its way to a service',
    },
    {
      text: `meta l4proto { tcp, udp, sctp } dnat ${WORDS[intent.family].ip} to ${place}`,
      why: 'the container that publishes the port',
    },
  ];
}

function elementsOf(one: PublishedIntent, family: Family): readonly Element[] {
  const port = `${safe.protocol(one.protocol)} . ${safe.port(one.hostPort)}`;
  const address = safe.address(one.address, family);
  const value = `${address} . ${safe.port(one.port)}`;
  const hairpin = { map: 'published-hairpins', key: `${address} . ${address}` };
  if (one.hostAddress === undefined)
    return [
      { map: 'published-anywhere', key: port, value: 'goto publish-anywhere' },
      { map: 'publish-anywhere', key: port, value },
      hairpin,
    ];
  const key = `${safe.address(one.hostAddress, family)} . ${port}`;
  return [{ map: 'published', key, value: 'goto publish' }, { map: 'publish', key, value }, hairpin];
}
