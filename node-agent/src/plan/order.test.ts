import { describe, expect, it } from 'vitest';
import { createFailures, PHASES } from './order.ts';
import type { Step, StepKind } from './step.ts';

describe('order', () => {
  it('has a place and a reason for every kind of step', () => {
    const kinds: Record<StepKind, true> = {
      ...{ 'link-rename': true, 'link-add': true, 'link-set': true, 'link-delete': true },
      ...{ 'address-clear': true, 'address-add': true, 'address-delete': true, 'connected-add': true },
      ...{ 'tunnel-delete': true, 'tunnel-add': true, 'tunnel-set': true, 'tunnel-mac': true },
      ...{ 'neighbour-replace': true, 'neighbour-delete': true },
      ...{ 'forwarding-replace': true, 'forwarding-delete': true },
      ...{ 'route-clear': true, 'route-add': true, 'route-replace': true, 'route-delete': true },
      ...{ 'sysctl-set': true, 'firewall-apply': true, 'firewall-beside': true, 'firewall-clean': true },
    };
    expect(PHASES.flatMap((phase) => phase.kinds).sort()).toEqual(Object.keys(kinds).sort());
    expect(PHASES.every((phase) => phase.reason.length > 10)).toBe(true);
  });

  it('keeps the other dataplane until the chosen one holds', () => {
    const rules = (kind: 'firewall-apply' | 'firewall-clean'): Step => ({
      ...{ kind, tool: 'nft', family: 'ipv4', input: '', reasons: [], text: '' },
    });
    const failures = createFailures();
    expect(failures.blocking(rules('firewall-clean'))).toBeUndefined();
    failures.add(rules('firewall-apply'));
    expect(failures.blocking(rules('firewall-clean'))).toBe('firewall-apply');
  });

  it('spares what hangs on another link than the one that failed', () => {
    const failures = createFailures();
    failures.add({ kind: 'link-delete', link: 'cwyx.1', text: '' });
    failures.add({ kind: 'link-set', link: 'cwyx.1', mtu: 1450, text: '' });
    const route = (device: string): Step => ({
      kind: 'route-add',
      route: { family: 'ipv4', destination: '10.10.2.0/24', type: 'unicast', device, metric: 0 },
      text: '',
    });
    expect(failures.blocking(route('eth0'))).toBeUndefined();
    expect(failures.blocking(route('cwyx.1'))).toBe('link-set');
  });
});
