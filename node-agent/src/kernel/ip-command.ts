import { CausewayError, show } from '@causeway/shared/errors';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { ForwardingStep, IpStep, RouteKey, RouteStep, Step, TunnelDevice } from '../plan/step.ts';

/** Numbers instead of names, so that a host's /etc/iproute2 changes nothing. */
const KERNEL_PROTOCOL = 2;
const LINK_SCOPE = 253;
/** The metric of the routes that the kernel makes with an IPv6 address. */
const KERNEL_METRIC = 256;

/** One line of `ip -batch`. @throws CausewayError `internal` for a word that could be two. */
export function ipCommand(step: IpStep): string {
  return 'route' in step ? routeLine(step) : asLine(step, wordsOf(step));
}

/** One line of `bridge -batch`. @throws CausewayError `internal` for a word that could be two. */
export function bridgeCommand(step: ForwardingStep): string {
  const { kind, link, mac, remote } = step;
  // A deletion names the frames' address only: whatever else the entry says, it goes whole.
  const entry = kind === 'forwarding-delete' ? ['delete', mac] : ['replace', mac];
  const target = kind === 'forwarding-delete' ? [] : ['dst', remote, 'self', 'permanent'];
  return asLine(step, ['fdb', ...entry, 'dev', link, ...target]);
}

const PLAIN = /^[\w.:/@-]+$/;

function asLine(step: Step, words: readonly string[]): string {
  for (const word of words) plain(step, word);
  return words.join(' ');
}

function plain(step: Step, word: string): string {
  if (PLAIN.test(word)) return word;
  const told = `writing an ip command to ${step.text}: ${show(word)} is no plain word`;
  throw new CausewayError('internal', told);
}

type KeyedRouteStep = Extract<RouteStep, { readonly route: RouteKey }>;

/** Thousands of these are written at once: no lists of words for them. */
function routeLine(step: KeyedRouteStep): string {
  const { type, destination, gateway, device, metric, onlink } = step.route;
  const what = type === 'unicast' ? '' : `${plain(step, type)} `;
  const via = gateway === undefined ? '' : ` via ${plain(step, gateway)}`;
  const dev = device === undefined ? '' : ` dev ${plain(step, device)}`;
  const rank = metric === 0 ? '' : ` metric ${metric}`;
  const way = `${plain(step, destination)}${via}${dev}${rank}${onlink === true ? ' onlink' : ''}`;
  return `route ${ROUTE_VERBS[step.kind]} ${what}${way} proto ${ROUTE_PROTOCOL}`;
}

const ROUTE_VERBS: Readonly<Record<KeyedRouteStep['kind'], string>> = {
  'route-add': 'add',
  'route-replace': 'replace',
  'route-clear': 'delete',
  'route-delete': 'delete',
};

function wordsOf(step: Exclude<IpStep, KeyedRouteStep>): readonly string[] {
  switch (step.kind) {
    case 'link-add':
      return ['link', 'add', 'name', step.link, 'mtu', `${step.mtu}`, 'address', step.mac, 'type', 'bridge'];
    case 'link-set':
      return [
        ...['link', 'set', 'dev', step.link, 'mtu', `${step.mtu}`],
        ...(step.alias === undefined ? [] : ['alias', step.alias]),
        'up',
      ];
    case 'link-delete':
    case 'tunnel-delete':
      return ['link', 'delete', 'dev', step.link];
    case 'tunnel-add':
      return tunnelWords(step.tunnel);
    case 'tunnel-set':
      return ['link', 'set', 'dev', step.tunnel.name, ...settableWords(step.tunnel)];
    case 'tunnel-mac':
      return ['link', 'set', 'dev', step.link, 'address', step.mac];
    case 'address-add':
      return addressWords(step.link, step.address);
    case 'address-clear':
    case 'address-delete':
      return ['address', 'delete', step.address, 'dev', step.link];
    case 'neighbour-replace':
      return [...neighbourWords('replace', step.link, step.address, step.mac), 'nud', 'permanent'];
    case 'neighbour-delete':
      return ['neighbour', 'delete', step.address, 'dev', step.link];
    case 'connected-add':
      return connectedWords(step.destination, step.device, step.source);
  }
}

function tunnelWords(tunnel: TunnelDevice): readonly string[] {
  const { name, mac, port, gbp } = tunnel;
  const fixed = ['dstport', `${port}`, ...(gbp ? ['gbp'] : [])];
  return ['link', 'add', 'name', name, 'address', mac, ...settableWords(tunnel), ...fixed];
}

function settableWords({ vni, local, device, learning }: TunnelDevice): readonly string[] {
  const ends = ['id', `${vni}`, 'local', local, 'dev', device];
  return ['type', 'vxlan', ...ends, learning ? 'learning' : 'nolearning'];
}

/** Nobody else has our address: an IPv6 one is used at once, not after the search for a double. */
function addressWords(link: string, address: string): readonly string[] {
  return ['address', 'replace', address, 'dev', link, ...(address.includes(':') ? ['nodad'] : [])];
}

function neighbourWords(verb: string, link: string, address: string, mac: string): readonly string[] {
  return ['neighbour', verb, address, 'lladdr', mac, 'dev', link];
}

function connectedWords(destination: string, device: string, source: string): readonly string[] {
  const marks = destination.includes(':')
    ? ['metric', `${KERNEL_METRIC}`]
    : ['scope', `${LINK_SCOPE}`, 'src', source];
  return ['route', 'add', destination, 'dev', device, 'proto', `${KERNEL_PROTOCOL}`, ...marks];
}
