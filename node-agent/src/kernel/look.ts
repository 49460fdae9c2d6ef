import type { DesiredHost } from '@causeway/shared/desired/host';
import { byFamily } from '@causeway/shared/net/family';
import type { FirewallTool } from '../plan/observed.ts';
import type { FirewallLook, NetworkLook } from './kernel.ts';

/** What of the network must be looked at to compare a kernel with `desired`. Pure. */
export function networkLook({ bridge, firewalls, sysctls }: DesiredHost): NetworkLook {
  const networks = byFamily((family) => firewalls.find((one) => one.family === family)?.network);
  return { bridge: bridge.name, networks, sysctls: Object.keys(sysctls) };
}

export function firewallLook({ firewalls }: DesiredHost, tool: FirewallTool): FirewallLook {
  return { tool, intents: firewalls };
}
