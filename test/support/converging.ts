import type { Look } from '@causeway/node-agent/kernel/kernel';
import { type Converger, createConverger } from '@causeway/node-agent/loop/converge';
import type { DesiredHost } from '@causeway/shared/desired/host';
import { ruleset as iptables } from '@causeway/shared/rules/iptables/index';
import { ruleset as nftables } from '@causeway/shared/rules/nftables/index';
import { beforeEach } from 'vitest';
import { FakeKernel } from './fake-kernel.ts';
import { connectedRoute } from './fake-routes.ts';
import { intentOf, TEST_SERVICE } from './intents.ts';
import { hostOf } from './network-damage.ts';

/** A kernel that counts what is asked of it. */
export class WatchedKernel extends FakeKernel {
  readonly looks: Look[] = [];
  override observe(look: Look) {
    this.looks.push(look);
    return super.observe(look);
  }
}

/** The converger of a host with one link, over a kernel in miniature; both are of the test that runs. */
export interface Converging {
  readonly kernel: WatchedKernel;
  readonly converger: Converger;
}

export function useConverger(): Converging {
  let kernel: WatchedKernel;
  let converger: Converger;
  beforeEach(() => {
    kernel = new WatchedKernel();
    kernel.addLink('eth0', {
      ...{ type: 'physical', up: true, addresses: ['192.168.122.11/24', 'fd00:122::11/64'] },
    });
    kernel.routes = [connectedRoute('192.168.122.0/24', 'eth0'), connectedRoute('fd00:122::/64', 'eth0')];
    for (const path of ['net/ipv4/ip_forward', 'net/ipv6/conf/all/forwarding']) kernel.sysctls.set(path, '0');
    converger = createConverger({ kernel, rulesets: { nftables, iptables }, tool: 'nft' });
  });
  return {
    get kernel() {
      return kernel;
    },
    get converger() {
      return converger;
    },
  };
}

/** What this host should hold in both families: these peers, and one service. */
export function hostWith(peers: readonly number[], backend: 'host-gw' | 'vxlan' = 'host-gw'): DesiredHost {
  return {
    ...hostOf({ families: 'dual', backend, peers }),
    firewalls: [intentOf([TEST_SERVICE]), intentOf([], 'ipv6')],
  };
}
