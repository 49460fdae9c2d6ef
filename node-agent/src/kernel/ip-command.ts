import { CausewayError, show } from '@causeway/shared/errors';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';
import type { ForwardingStep, IpStep, RouteKey, Step, TunnelDevice } from '../plan/step.ts';

/** Numbers instead of names, so that a host's /etc/iproute2 changes nothing. */
const KERNEL_PROTOCOL = 2;
const LINK_SCOPE = 253;
/** The metric of the routes that the kernel makes with an IPv6 address. */
const KERNEL_METRIC = 256;

/** One line of `ip -batch`. @throws CausewayError `internal` for a word that could be two. */
export function ipCommand(step: IpStep): string {
  return asLine(step, wordsOf(step));
}

/** One line of `bridge -batch`. @throws CausewayError `internal` for a word that could be two. */
export function bridgeCommand(step: ForwardingStep): string {
  const { kind, link, mac, remote } = step;
  // A deletion names the frames' address only: whatever else the entry says, it goes whole.
  const entry = kind === 'forwarding-delete' ? ['delete', mac] : ['replace', mac];
  const target = kind === 'forwarding-delete' ? [] : ['dst', remote, 'self', 'permanent'];
  return asLine(step, ['fdb', ...entry, 'dev', link, ...target]);
}

const PLAIN = /^[\w.:/@-]+(?: [\w.:/@-]+)*$/;

function asLine(step: Step, words: readonly string[]): string {
  const line = words.join(' ');
  if (PLAIN.test(line) && line.split(' ').length === words.length) return line;
  const odd = words.find((word) => !PLAIN.test(word) || word.includes(' '));
  const told = `writing an ip command to ${step.text}: ${show(odd)} is no plain word`;
  throw new CausewayError('internal', told);
}

function wordsOf(step: IpStep): readonly string[] {
  switch (step.kind) {
    case 'link-add':
      return ['link', 'add', 'name', step.link, 'mtu', `${step.mtu}`, 'address', step.mac, 'type', 'bridge'];
    case 'link-set':
      return ['link', 'set', 'dev', step.link, 'mtu', `${step.mtu}`, 'up'];
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
    case 'route-add':
    case 'route-replace':
      return [
        'route',
        step.kind.slice('route-'.length),
        ...routeWords(step.route),
        'proto',
        `${ROUTE_PROTOCOL}`,
      ];
    case 'route-clear':
    case 'route-delete':
      return ['route', 'delete', ...routeWords(step.route), 'proto', `${ROUTE_PROTOCOL}`];
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

function routeWords(route: RouteKey): readonly string[] {
  return [
    ...(route.type === 'unicast' ? [] : [route.type]),
    route.destination,
    ...(route.gateway === undefined ? [] : ['via', route.gateway]),
    ...(route.device === undefined ? [] : ['dev', route.device]),
    ...(route.metric === 0 ? [] : ['metric', `${route.metric}`]),
    ...(route.onlink ? ['onlink'] : []),
  ];
}
