import { applyAll } from '../../node-agent/src/kernel/apply.ts';
import { chooseHost, type HostAddress } from '../../node-agent/src/kernel/choose-host.ts';
import { holdsOurs } from '../../node-agent/src/kernel/firewall-tools.ts';
import type { HostInfo, Kernel, Look, Signal } from '../../node-agent/src/kernel/kernel.ts';
import type { Flow } from '../../node-agent/src/plan/flows.ts';
import { isNamed } from '../../node-agent/src/plan/flows-deletions.ts';
import type { FirewallListing, FirewallTool, Observed } from '../../node-agent/src/plan/observed.ts';
import type { FirewallStep, Step } from '../../node-agent/src/plan/step.ts';
import { CausewayError } from '../../shared/src/errors.ts';
import { ROUTE_PROTOCOL } from '../../shared/src/names.ts';
import { FAMILIES, type Family } from '../../shared/src/net/family.ts';
import { hasOthers } from '../../shared/src/rules/iptables/others.ts';
import { FakeIptables } from './fake-iptables.ts';
import { FakeNetwork } from './fake-network.ts';
import { FakeNft } from './fake-nft.ts';
import { isV6 } from './fake-routes.ts';

type FakeFirewall = FakeNft | FakeIptables;

const TOOLS: readonly FirewallTool[] = ['nft', 'iptables-nft', 'iptables-legacy'];

/**
 * A host's network in miniature, which refuses what a kernel refuses: a second route to one destination, a gateway
 * that no link reaches, a link that is there. `test/contract/kernel*.test.ts` hold it to the real one.
 */
export class FakeKernel extends FakeNetwork implements Kernel {
  readonly sysctls = new Map<string, string>();
  readonly #before = new Map<string, { before: string; set: string }>();
  readonly firewalls: Record<FirewallTool, Record<Family, FakeFirewall>> = {
    nft: perFamily((family) => new FakeNft(family)),
    'iptables-nft': perFamily(() => new FakeIptables()),
    'iptables-legacy': perFamily(() => new FakeIptables()),
  };
  /** What the kernel remembers; undefined: the program that knows it is not installed. */
  flows: Record<Family, readonly Flow[]> | undefined = { ipv4: [], ipv6: [] };
  #listener: ((signal: Signal, reason: string) => void) | undefined;

  async host(request: Parameters<Kernel['host']>[0]): Promise<HostInfo> {
    const links = [...this.links].map(([name, { mtu, up }]) => ({ name, mtu, up }));
    const addresses = [...this.links].flatMap(([link, { addresses: all }]) =>
      all.map((address) => listed(link, address)),
    );
    const defaults = this.routes.filter(({ destination }) => /^(0\.0\.0\.0|::)\/0$/.test(destination));
    return chooseHost(request, { links, addresses, defaults: defaults.map(({ device }) => device ?? '') });
  }

  toolFor: Kernel['toolFor'] = async (dataplane) => (dataplane === 'nftables' ? 'nft' : 'iptables-nft');

  async observe({ network, firewall }: Look): Promise<Observed> {
    const sysctls = network?.sysctls.map((path) => [path, this.sysctls.get(path)] as const);
    const families = firewall?.intents.map(({ family }) => family) ?? [];
    const all = this.#listings();
    const isAsked = ({ tool, family }: FirewallListing) =>
      tool === firewall?.tool && families.includes(family);
    return structuredClone({
      ...(network && {
        network: {
          ...this.look(network.bridge, network.networks),
          sysctls: Object.fromEntries(sysctls ?? []),
        },
      }),
      ...(firewall && {
        firewall: {
          tool: firewall.tool,
          listings: all.filter(isAsked),
          others: all.filter((one) => !isAsked(one) && matters(one)),
        },
      }),
    });
  }

  apply(steps: readonly Step[]) {
    return applyAll(steps, {
      ip: async (group) => group.map((step) => caught(() => this.ip(step))),
      bridge: async (group) => group.map((step) => caught(() => this.bridge(step))),
      other: async (step) => {
        if (step.kind === 'link-rename') this.renameLink(step.from, step.link);
        else if (step.kind === 'sysctl-set') this.#setSysctl(step.path, step.value);
        else this.#applyFirewall(step);
      },
    });
  }

  async listFlows({ family, protocols }: Parameters<Kernel['listFlows']>[0]) {
    const all = [...this.links.values()].flatMap(({ addresses }) => addresses);
    const local = all.map((address) => `${address.split('/')[0]}/${family === 'ipv4' ? 32 : 128}`);
    return (
      this.flows && {
        flows: this.flows[family].filter(({ protocol }) => protocols.includes(protocol)),
        local,
        linkLocal: [],
      }
    );
  }

  async forgetFlows({ family, deletions }: Parameters<Kernel['forgetFlows']>[0]): Promise<number> {
    const isMeant = (flow: Flow) => deletions.some((deletion) => isNamed(deletion, flow));
    if (this.flows !== undefined) this.flows[family] = this.flows[family].filter((flow) => !isMeant(flow));
    return deletions.length;
  }

  async remains() {
    return {
      links: [...this.links.keys()].filter(
        (name) => name.startsWith('cwy') || this.link(name).alias !== undefined,
      ),
      routes: this.routes.filter((route) => route.protocol === ROUTE_PROTOCOL),
      firewalls: this.#listings().filter(holdsOurs),
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
      focus: () => undefined,
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

  #listings(): readonly FirewallListing[] {
    return TOOLS.flatMap((tool) =>
      FAMILIES.map((family) => ({ tool, family, listing: this.firewalls[tool][family].list() })),
    );
  }

  #applyFirewall({ tool, family, input }: FirewallStep): void {
    try {
      this.firewalls[tool][family].apply(input);
    } catch (cause) {
      const told = `changing the rules of ${tool}: ${String(cause)}`;
      throw new CausewayError('kernel-rejected', told, { cause });
    }
  }

  #setSysctl(path: string, set: string): void {
    const before = this.sysctls.get(path);
    if (before === undefined) throw new CausewayError('kernel-rejected', `setting ${path}: no such file`);
    if (!this.#before.has(path)) this.#before.set(path, { before, set });
    this.sysctls.set(path, set);
  }
}

function perFamily(make: (family: Family) => FakeFirewall): Record<Family, FakeFirewall> {
  return { ipv4: make('ipv4'), ipv6: make('ipv6') };
}

/** Of what was not asked for: what is ours, and rules of others that packets of containers meet. */
function matters(one: FirewallListing): boolean {
  return holdsOurs(one) || (one.tool !== 'nft' && hasOthers(one.listing));
}

function listed(link: string, text: string): HostAddress {
  const [address = '', length] = text.split('/');
  const family = isV6(address) ? 'ipv6' : 'ipv4';
  return { link, family, address, prefixLength: Number(length), use: 'usable', secondary: false };
}

function caught(action: () => void): Error | undefined {
  try {
    action();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}
