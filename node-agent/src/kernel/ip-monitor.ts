import { LINK_PREFIX, ROUTE_PROTOCOL } from '@causeway/shared/names';
import { keepRunning, type Running } from './keep-running.ts';
import type { Signal, WatchRequest } from './kernel.ts';

/**
 * Listens to the kernel's changes of links, addresses and routes. `ip monitor` is read as a hint only: a line that
 * could be about something of ours means "look again".
 */
export function watchIp(request: WatchRequest): Running {
  return keepRunning('ip', ['-4', '-N', 'monitor', 'link', 'address', 'route'], {
    onLine: (line) => {
      for (const signal of ipSignals(line, request)) request.onSignal(signal, line.trim());
    },
    onGap: (reason) => request.onSignal('network', reason),
  });
}

/** What one line of `ip monitor` may be about. Pure. */
export function ipSignals(
  line: string,
  where: { readonly iface: string; readonly bridge: string },
): readonly Signal[] {
  const words = line
    .trim()
    .replace(/^Deleted /, '')
    .split(/\s+/);
  // Lines of our own names first: `3: cwy0: <BROADCAST…`, `7: cwy0a1b2c3d4e@if2: <…`.
  const link = /^(\d+:)$/.test(words[0] ?? '') ? (words[1] ?? '').replace(/[:@].*$/, '') : undefined;
  if (link !== undefined) {
    if (link === where.iface || link === where.bridge) return ['network'];
    return link.startsWith(LINK_PREFIX) ? ['containers'] : [];
  }
  if (/\btable (local|255)\b/.test(line)) return [];
  return isRoute(words) && mayMatter(line, words, where) ? ['network'] : [];
}

function isRoute(words: readonly string[]): boolean {
  return /^(default|[\d.]+(\/\d+)?|unicast|blackhole|unreachable|prohibit|throw)$/.test(words[0] ?? '');
}

/** Ours by its mark, or through a link that matters, or any that has no link at all (blackhole). */
function mayMatter(
  line: string,
  words: readonly string[],
  where: { readonly iface: string; readonly bridge: string },
) {
  const device = words[words.indexOf('dev') + 1];
  if (line.includes(`proto ${ROUTE_PROTOCOL}`)) return true;
  if (!words.includes('dev')) return true;
  return device === where.iface || device === where.bridge;
}
