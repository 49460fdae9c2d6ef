import { LINK_PREFIX, ROUTE_PROTOCOL } from '@causeway/shared/names';
import { isTunnel } from '../plan/tunnels.ts';
import type { Echoes } from './echoes.ts';
import { keepRunning, type Running } from './keep-running.ts';
import type { Signal } from './kernel.ts';

/** The links that matter beside those that bear a name of ours. */
export interface MonitorFocus {
  readonly iface: string;
  readonly bridge: string;
}

/**
 * Listens to the kernel's changes of links, addresses, routes, neighbours and forwarding entries of both families.
 * `ip monitor` is read as a hint only: a line that could be about something of ours means "look again".
 *
 * @param focus what matters by the time that a line comes
 * @param echoes what of it is of our own making
 */
export function watchIp(
  focus: () => MonitorFocus,
  echoes: Pick<Echoes, 'claims'>,
  tell: {
    readonly onSignal: (signal: Signal, reason: string) => void;
    /** A link that matters came, went or changed, or may have: it may bear another number now. */
    readonly onLink: () => void;
  },
): Running {
  return keepRunning('ip', ['-N', 'monitor', 'label', 'link', 'address', 'route', 'neigh'], {
    onLine: (line) => {
      const signals = ipSignals(line, focus());
      if (signals.length > 0 && echoes.claims(line)) return;
      if (line.startsWith('[LINK]') && signals.includes('network')) tell.onLink();
      for (const signal of signals) tell.onSignal(signal, line.trim());
    },
    onGap: (reason) => {
      tell.onLink();
      tell.onSignal('network', reason);
    },
  });
}

/** What one line of `ip -N monitor label` may be about; lines that go on with another have no label. Pure. */
export function ipSignals(line: string, focus: MonitorFocus): readonly Signal[] {
  const [, label = '', text = ''] = /^\[(\w+)\](?:Deleted )?(.*)$/.exec(line) ?? [];
  if (label === 'LINK' || label === 'ADDR') return linkSignals(text, focus);
  if (label === 'NEIGH') return isTunnel(wordAfter(text, 'dev')) ? ['network'] : [];
  return label === 'ROUTE' && routeMatters(text, focus) ? ['network'] : [];
}

/** `3: cwy0: <BROADCAST…`, `7: cwy0a1b2c3d4e@if2: <…`, `4: cwyx.1    inet 10.10.1.0/32 …`. */
function linkSignals(text: string, { iface, bridge }: MonitorFocus): readonly Signal[] {
  const link = /^\d+: ([^\s:@]+)/.exec(text)?.[1] ?? '';
  if (link === iface || link === bridge || isTunnel(link)) return ['network'];
  return link.startsWith(LINK_PREFIX) ? ['containers'] : [];
}

/** Ours by its mark, or through a link that matters, or through none at all (a black hole, several next hops). */
function routeMatters(text: string, { iface, bridge }: MonitorFocus): boolean {
  if (/\btable (local|255)\b/.test(text)) return false;
  const device = wordAfter(text, 'dev');
  // IPv6 leads its black holes to `lo`.
  if (device === '' || device === 'lo' || text.includes(`proto ${ROUTE_PROTOCOL}`)) return true;
  return device === iface || device === bridge || isTunnel(device);
}

function wordAfter(text: string, word: string): string {
  const words = text.split(/\s+/);
  const at = words.indexOf(word);
  return at < 0 ? '' : (words[at + 1] ?? '');
}
