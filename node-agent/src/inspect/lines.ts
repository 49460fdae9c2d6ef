import type { NetLine } from '@causeway/shared/model/net-stack';
import { ROUTE_PROTOCOL } from '@causeway/shared/names';

/** Names, as `ourLinks`. */
type Links = ReadonlySet<string>;

const lines = (text: string) =>
  text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
const deviceOf = (line: string) => /\bdev (\S+)/.exec(line)?.[1] ?? '';

/** PURE. From `ip -o address`: `2: eth0    inet 10.10.1.2/24 scope global eth0\       valid_lft …`. */
export function addressLines(text: string, ourLinks: Links): readonly NetLine[] {
  return lines(text).flatMap((line) => {
    const [, device = '', family = '', address = '', rest = ''] =
      /^\d+:\s+(\S+)\s+(inet6?)\s+(\S+)\s+([^\\]*)/.exec(line) ?? [];
    if (family === '') return [];
    const scope = /scope \S+/.exec(rest)?.[0] ?? '';
    const flags = ['tentative', 'dadfailed', 'deprecated', 'secondary'].filter((flag) => rest.includes(flag));
    return { text: [address, 'dev', device, scope, ...flags].join(' '), ours: ourLinks.has(device) };
  });
}

/** PURE. From `ip route show table all`, without what the kernel adds for each address by itself. */
export function routeLines(text: string, ourLinks: Links): readonly NetLine[] {
  return lines(text)
    .filter((line) => !/\btable local\b/.test(line))
    .map((line) => ({
      text: line,
      ours: new RegExp(`\\bproto ${ROUTE_PROTOCOL}\\b`).test(line) || ourLinks.has(deviceOf(line)),
    }));
}

/** PURE. From `ip rule`. */
export function routingRuleLines(text: string): readonly NetLine[] {
  return lines(text).map((line) => ({ text: line.replace('\t', ' '), ours: false }));
}

/** PURE. From `ip neighbour`, and from `bridge fdb` what leads to other hosts. Permanent ones on our links are ours. */
export function neighbourLines(text: string, ourLinks: Links): readonly NetLine[] {
  return lines(text).map((line) => ({
    text: line,
    ours: /\bpermanent\b/i.test(line) && ourLinks.has(deviceOf(line)),
  }));
}

/** PURE. From `grep -H . PATH…` below /proc/sys. @param set paths that the agent has set */
export function sysctlLines(text: string, set: ReadonlySet<string>): readonly NetLine[] {
  return lines(text).flatMap((line) => {
    const [, path = '', value = ''] = /^\/proc\/sys\/([^:]+):(.*)$/.exec(line) ?? [];
    if (path === '') return [];
    return { text: `${nameOf(path)} = ${value.replaceAll('\t', ' ')}`, ours: set.has(path) };
  });
}

/** As sysctl writes it: a dot in a link's name is a slash. */
function nameOf(path: string): string {
  return path.replace(/[./]/g, (mark) => (mark === '/' ? '.' : '/'));
}
