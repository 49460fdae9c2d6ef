import { networkOf } from '../../node-agent/src/plan/addresses.ts';
import type {
  ObservedBridge,
  ObservedNetwork,
  ObservedRoute,
  ObservedTunnel,
} from '../../node-agent/src/plan/observed.ts';
import type { ForwardingStep, IpStep, TunnelDevice } from '../../node-agent/src/plan/step.ts';
import { blockHasBlock, parseBlock } from '../../shared/src/net/block.ts';
import type { ByFamily } from '../../shared/src/net/family.ts';
import { FakeRoutes, isV6, KERNEL, OURS } from './fake-routes.ts';

export { connectedRoute } from './fake-routes.ts';

export interface FakeLink {
  readonly type: 'physical' | 'bridge' | 'vxlan';
  mtu: number;
  up: boolean;
  mac: string;
  alias?: string;
  /** Of both families, in the kernel's order. */
  addresses: string[];
  tunnel?: TunnelDevice;
  /** MAC by address, and remote by MAC. */
  neighbours: Map<string, string>;
  forwarding: Map<string, string>;
}

/** Links, addresses, neighbours and routes in miniature. */
export class FakeNetwork extends FakeRoutes {
  readonly links = new Map<string, FakeLink>();

  addLink(name: string, link: Partial<FakeLink> & Pick<FakeLink, 'type'>): void {
    if (this.links.has(name)) throw new Error('File exists');
    const bare = {
      mtu: 1500,
      up: false,
      mac: '',
      addresses: [],
      neighbours: new Map(),
      forwarding: new Map(),
    };
    this.links.set(name, { ...bare, ...link });
  }

  /** @throws Error with the kernel's words */
  ip(step: IpStep): void {
    switch (step.kind) {
      case 'link-add':
        this.addLink(step.link, { type: 'bridge', mtu: step.mtu, mac: step.mac });
        break;
      case 'tunnel-add':
        this.#addTunnel(step.tunnel);
        break;
      case 'tunnel-set':
        this.link(step.tunnel.name).tunnel = step.tunnel;
        break;
      case 'tunnel-mac':
        this.link(step.link).mac = step.mac;
        this.link(step.link).neighbours.clear();
        break;
      case 'tunnel-delete':
      case 'link-delete':
        this.deleteLink(step.link);
        break;
      case 'link-set':
        this.#setUp(step.link, step.mtu);
        if (step.alias !== undefined) this.link(step.link).alias = step.alias;
        break;
      case 'address-add':
        this.addAddress(step.link, step.address);
        break;
      case 'address-clear':
      case 'address-delete':
        this.deleteAddress(step.link, step.address);
        break;
      case 'neighbour-replace':
        this.link(step.link).neighbours.set(step.address, step.mac);
        break;
      case 'neighbour-delete':
        removed(this.link(step.link).neighbours.delete(step.address));
        break;
      case 'route-clear':
      case 'route-delete':
        this.deleteRoute(step.route, OURS);
        break;
      case 'connected-add':
        this.putConnected(step.destination, step.device);
        break;
      default:
        this.putRoute(step.route, step.kind === 'route-replace', this.links);
        break;
    }
  }

  /** @throws Error with the kernel's words */
  bridge(step: ForwardingStep): void {
    const { forwarding } = this.link(step.link);
    if (step.kind === 'forwarding-replace') forwarding.set(step.mac, step.remote);
    else removed(forwarding.delete(step.mac));
  }

  link(name: string): FakeLink {
    const link = this.links.get(name);
    if (link === undefined) throw new Error(`Cannot find device "${name}"`);
    return link;
  }

  /** @throws Error with the kernel's words */
  renameLink(from: string, to: string): void {
    const link = this.link(from);
    if (this.links.has(to)) throw new Error('File exists');
    this.links.delete(from);
    this.links.set(to, link);
    this.routes = this.routes.map((route) => (route.device === from ? { ...route, device: to } : route));
  }

  deleteLink(name: string): void {
    this.link(name);
    this.links.delete(name);
    this.dropRoutes(name);
  }

  /** A link that goes down takes all routes through it along, its neighbours, and its IPv6 addresses. */
  linkDown(name: string): void {
    const link = this.link(name);
    link.up = false;
    link.neighbours.clear();
    link.addresses = link.addresses.filter((address) => !isV6(address));
    this.dropRoutes(name);
  }

  addAddress(name: string, address: string): void {
    const link = this.link(name);
    if (link.addresses.includes(address)) return;
    link.addresses.push(address);
    if (link.up) this.connect(name, address);
  }

  deleteAddress(name: string, address: string): void {
    const link = this.link(name);
    if (!link.addresses.includes(address)) throw new Error('Cannot assign requested address');
    const gone = [address, ...(this.#isFirst(link, address) ? this.#others(link, address) : [])];
    link.addresses = link.addresses.filter((one) => !gone.includes(one));
    const network = networkOf(address);
    if (link.addresses.some((one) => networkOf(one) === network)) return;
    this.routes = this.routes.filter(
      (route) => route.destination !== network || route.device !== name || route.protocol !== KERNEL,
    );
    // With its last IPv4 address a link loses IPv4 altogether.
    if (isV6(address) || link.addresses.some((one) => !isV6(one))) return;
    this.dropRoutes(name, 'ipv4');
    for (const key of [...link.neighbours.keys()].filter((one) => !isV6(one))) link.neighbours.delete(key);
  }

  /** As the kernel would list it. */
  look(bridge: string, networks: ByFamily<string>): Omit<ObservedNetwork, 'sysctls'> {
    const ours = [...this.links].filter(
      ([name, { type, alias }]) => type === 'bridge' && (name === 'cwy0' || alias === 'causeway'),
    );
    const former = ours
      .filter(([name]) => name !== bridge)
      .map(([name, link]) => ({ name, ...bridgeOf(link) }));
    const found = ours.find(([name]) => name === bridge)?.[1];
    const tunnels = [...this.links].filter(([name]) => /^cwyx6?\./.test(name));
    return {
      routes: this.routes.filter(
        (route) => route.protocol === OURS || isInside(route, networks[route.family]),
      ),
      tunnels: tunnels.flatMap(([, link]) => (link.tunnel === undefined ? [] : listed(link, link.tunnel))),
      ...(found && { bridge: bridgeOf(found) }),
      ...(former.length > 0 && { formerBridges: former }),
    };
  }

  #addTunnel(tunnel: TunnelDevice): void {
    this.link(tunnel.device);
    const isSame = ({ vni, port }: TunnelDevice) => vni === tunnel.vni && port === tunnel.port;
    const isV6Tunnel = isV6(tunnel.local);
    const twin = [...this.links.values()].find(
      (link) => link.tunnel && isSame(link.tunnel) && isV6(link.tunnel.local) === isV6Tunnel,
    );
    if (twin !== undefined) throw new Error('A VXLAN device with the specified VNI already exists.');
    this.addLink(tunnel.name, { type: 'vxlan', mac: tunnel.mac, tunnel });
  }

  #setUp(name: string, mtu: number): void {
    const link = this.link(name);
    link.mtu = mtu;
    if (!link.up) for (const address of link.addresses) this.connect(name, address);
    link.up = true;
  }

  #isFirst(link: FakeLink, address: string): boolean {
    return link.addresses.find((one) => networkOf(one) === networkOf(address)) === address;
  }

  /** The kernel removes the further IPv4 addresses of a network along with the first. */
  #others(link: FakeLink, address: string): readonly string[] {
    return isV6(address) ? [] : link.addresses.filter((one) => networkOf(one) === networkOf(address));
  }
}

function listed(
  link: FakeLink,
  { name, vni, port, local, device, learning, gbp }: TunnelDevice,
): ObservedTunnel {
  const { mac, mtu, up, addresses, neighbours, forwarding } = link;
  return {
    ...{ name, vni, port, local, device, learning, gbp, mac, mtu, up, addresses },
    neighbours: [...neighbours].map(([address, at]) => ({ address, mac: at })),
    forwarding: [...forwarding].map(([at, remote]) => ({ mac: at, remote })),
  };
}

/** @throws Error as the kernel would of what is not there */
function removed(was: boolean): void {
  if (!was) throw new Error('No such file or directory');
}

function isInside(route: ObservedRoute, network: string | undefined): boolean {
  const [outer, inner] = [parseBlock(network ?? ''), parseBlock(route.destination)];
  return outer !== undefined && inner !== undefined && blockHasBlock(outer, inner);
}

function bridgeOf({ mtu, up, addresses }: FakeLink): ObservedBridge {
  return { mtu, up, addresses: [...addresses] };
}
