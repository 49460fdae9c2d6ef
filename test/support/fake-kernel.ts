import { applyAll } from '../../node-agent/src/kernel/apply.ts';
import type { HostInfo, Kernel, Look, Signal } from '../../node-agent/src/kernel/kernel.ts';
import type { FirewallTool, Observed, ObservedRoute } from '../../node-agent/src/plan/observed.ts';
import type { Step } from '../../node-agent/src/plan/step.ts';
import { CausewayError, invalid } from '../../shared/src/errors.ts';
import { ROUTE_PROTOCOL } from '../../shared/src/names.ts';
import { overlaps, parseCidr } from '../../shared/src/net/cidr.ts';
import { FakeIptables } from './fake-iptables.ts';
import { FakeNetwork, masked } from './fake-network.ts';
import { FakeNft } from './fake-nft.ts';

/**
 * A host's network in miniature, which refuses what a kernel refuses: a second route to one destination, a gateway
 * that no link reaches, an address that is there. `test/contract/kernel.test.ts` holds it to the real one.
 */
export class FakeKernel extends FakeNetwork implements Kernel {
  readonly sysctls = new Map<string, string>();
  readonly #before = new Map<string, { before: string; set: string }>();
  readonly firewalls: { nft: FakeNft; 'iptables-nft': FakeIptables; 'iptables-legacy': FakeIptables } = {
    nft: new FakeNft(),
    'iptables-nft': new FakeIptables(),
    'iptables-legacy': new FakeIptables(),
  };
  #listener: ((signal: Signal, reason: string) => void) | undefined;

  async host({ name, id, iface, publicIp }: Parameters<Kernel['host']>[0]): Promise<HostInfo> {
    if (iface !== undefined && !this.links.has(iface))
      throw invalid('iface', iface, 'is no link of this host');
    const link = iface ?? this.routes.find((route) => route.destination === '0.0.0.0/0')?.device;
    if (link === undefined) throw new CausewayError('not-found', 'there is no default route');
    const { mtu = 0, addresses = [] } = this.links.get(link) ?? {};
    const address = addresses.find((one) => publicIp === undefined || one.startsWith(`${publicIp}/`));
    if (address === undefined)
      throw invalid(publicIp === undefined ? 'iface' : 'public-ip', publicIp ?? link, 'is not there');
    const own = address.split('/')[0] ?? '';
    const facts = { name, id, iface: link, publicIp: own, ifaceSubnet: masked(address), mtu };
    return { facts, addresses: addresses.map((one) => one.split('/')[0] ?? '') };
  }

  toolFor: Kernel['toolFor'] = async (dataplane) => (dataplane === 'nftables' ? 'nft' : 'iptables-nft');

  async observe({ network, firewall }: Look): Promise<Observed> {
    const bridge = network === undefined ? undefined : this.links.get(network.bridge);
    const wide = parseCidr(network?.network ?? '');
    const seen = (route: ObservedRoute) => {
      const narrow = parseCidr(route.destination);
      return (
        route.protocol === ROUTE_PROTOCOL ||
        (wide && narrow && narrow.length >= wide.length && overlaps(wide, narrow))
      );
    };
    const sysctls = Object.fromEntries(
      (network?.sysctls ?? []).map((path) => [path, this.sysctls.get(path)]),
    );
    const leftovers = this.#firewallsBut(firewall?.tool);
    return structuredClone({
      ...(network && {
        network: { routes: this.routes.filter(seen), sysctls, ...(bridge?.type === 'bridge' && { bridge }) },
      }),
      ...(firewall && {
        firewall: {
          tool: firewall.tool,
          listing: this.firewalls[firewall.tool].list(),
          leftovers: firewall.leftovers ? leftovers : [],
        },
      }),
    });
  }

  apply(steps: readonly Step[]) {
    return applyAll(steps, {
      ip: async (group) => group.map((step) => caught(() => this.ip(step))),
      other: async (step) => {
        if (step.kind === 'sysctl-set') return this.#setSysctl(step.path, step.value);
        try {
          this.firewalls[step.tool].apply(step.input);
        } catch (cause) {
          throw new CausewayError('kernel-rejected', `changing the rules of ${step.tool}: ${String(cause)}`, {
            cause,
          });
        }
      },
    });
  }

  async remains() {
    const links = [...this.links.keys()].filter((name) => name.startsWith('cwy'));
    return {
      links,
      routes: this.routes.filter((r) => r.protocol === ROUTE_PROTOCOL),
      firewalls: this.#firewallsBut(undefined),
    };
  }

  async restoreSysctls(): Promise<readonly string[]> {
    const told: string[] = [];
    for (const [path, { before, set }] of this.#before) {
      if (this.sysctls.get(path) !== set) continue;
      this.sysctls.set(path, before);
      told.push(`set ${path} back to ${before}`);
    }
    this.#before.clear();
    return told;
  }

  removeEmptyTables = async (): Promise<readonly string[]> => [];

  watch({ onSignal }: Parameters<Kernel['watch']>[0]) {
    this.#listener = onSignal;
    return {
      close: () => {
        this.#listener = undefined;
      },
    };
  }

  /** Somebody else changes something. */
  disturb(signal: Signal, change: () => void): void {
    change();
    this.#listener?.(signal, 'somebody did something');
  }

  #firewallsBut(tool: FirewallTool | undefined) {
    const tools = (['nft', 'iptables-nft', 'iptables-legacy'] as const).filter((one) => one !== tool);
    return tools
      .map((one) => ({ tool: one, listing: this.firewalls[one].list() }))
      .filter(({ tool: one, listing }) => (one === 'nft' ? listing !== '' : listing.includes('CWY-')));
  }

  #setSysctl(path: string, set: string): void {
    const before = this.sysctls.get(path);
    if (before === undefined) throw new CausewayError('kernel-rejected', `setting ${path}: no such file`);
    if (!this.#before.has(path)) this.#before.set(path, { before, set });
    this.sysctls.set(path, set);
  }
}

function caught(action: () => void): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
