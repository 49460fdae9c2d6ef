import { canonicalIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { isInstalled, run } from '@causeway/shared/run';
import type { FlowListing, Tuple, UdpFlow } from '../plan/flows.ts';
import { parseBatch } from './ip-json.ts';
import type { Forgetting } from './kernel.ts';

/** A busy router's table has millions of entries. */
const LIST_TIMEOUT_MS = 60_000;
/**
 * For each of its lines `conntrack` reads the whole table (measured: 0.1 s where that has 10,000 entries), so a program
 * is given some at a time.
 */
const LINES_AT_ONCE = 20;

/**
 * @returns undefined when the program `conntrack` is not installed
 * @throws CausewayError `command-failed`
 */
export async function listUdpFlows(family: Family): Promise<FlowListing | undefined> {
  if (!isInstalled('conntrack')) return undefined;
  const doing = `listing the ${FAMILY_NAMES[family]} flows of UDP`;
  const [{ stdout }, local] = await Promise.all([
    run('conntrack', ['-L', '-f', family, '-p', 'udp'], { doing, timeoutMs: LIST_TIMEOUT_MS }),
    listLocal(family),
  ]);
  return { flows: parseFlows(stdout), local };
}

/**
 * Makes the kernel forget exactly these flows: the next packet of each is the first one again, so the rules see it. One
 * that is gone meanwhile is no fault.
 *
 * @returns how many were asked for
 * @throws CausewayError `command-failed`
 */
export async function forgetFlows({ family, flows, withinMs }: Forgetting): Promise<number> {
  const until = performance.now() + withinMs;
  const doing = `removing stale ${FAMILY_NAMES[family]} flows of UDP`;
  let asked = 0;
  while (asked < flows.length && performance.now() < until) {
    const some = flows.slice(asked, asked + LINES_AT_ONCE);
    const input = some.map((flow) => `${deletion(family, flow).join(' ')}\n`).join('');
    // It opens its standard input by name, which only a pipe lets it; ours is a socket.
    await run('sh', ['-c', 'cat | conntrack --load-file -'], { doing, input, timeoutMs: LIST_TIMEOUT_MS });
    asked += some.length;
  }
  return asked;
}

/** Exactly as the kernel looks it up when it asks whether an address is `local`. */
async function listLocal(family: Family): Promise<readonly string[]> {
  const args = [family === 'ipv4' ? '-4' : '-6', '-N', '-json', '-batch', '-'];
  const { stdout } = await run('ip', args, {
    input: 'route show table local type local\n',
    doing: "listing the host's own addresses",
  });
  const length = family === 'ipv4' ? 32 : 128;
  const [routes = []] = parseBatch(stdout, 1);
  return routes.flatMap(({ dst }) =>
    typeof dst !== 'string' ? [] : [dst.includes('/') ? dst : `${dst}/${length}`],
  );
}

const TUPLE = 'src=(\\S+) dst=(\\S+) sport=(\\d+) dport=(\\d+)';
const LINE = new RegExp(
  `^udp +17 (?:\\d+ )?${TUPLE} (?:packets=\\d+ bytes=\\d+ )?(\\[UNREPLIED\\] )?${TUPLE}(.*)`,
);
/** Another world of addresses, which is not ours (conntrack zones). */
const ZONE = / zone(-orig|-reply)?=[1-9]/;

/** From `conntrack -L -p udp`; lines of other kinds are left out, those of zones too. Pure. */
export function parseFlows(listing: string): readonly UdpFlow[] {
  return listing.split('\n').flatMap((line) => {
    const found = LINE.exec(line);
    if (found === null || ZONE.test(found[10] ?? '')) return [];
    const [, a = '', b = '', c, d, unreplied, e = '', f = '', g, h] = found;
    return [{ original: tuple(a, b, c, d), reply: tuple(e, f, g, h), replied: unreplied === undefined }];
  });
}

function tuple(source: string, destination: string, sourcePort = '', destinationPort = ''): Tuple {
  return {
    ...{ source: canonical(source), destination: canonical(destination) },
    ...{ sourcePort: Number(sourcePort), destinationPort: Number(destinationPort) },
  };
}

/** The program writes some IPv6 addresses with an IPv4 one at their end, and all others canonically. */
function canonical(address: string): string {
  return address.includes(':') && address.includes('.') ? (canonicalIp(address) ?? address) : address;
}

/** Arguments of `conntrack` that mean this flow and no other. */
function deletion(family: Family, { original, reply }: UdpFlow): readonly string[] {
  return [
    ...['-D', '-f', family, '-p', 'udp', '-w', '0'],
    ...['--orig-src', original.source, '--orig-dst', original.destination],
    ...['--orig-port-src', `${original.sourcePort}`, '--orig-port-dst', `${original.destinationPort}`],
    ...['--reply-src', reply.source, '--reply-dst', reply.destination],
    ...['--reply-port-src', `${reply.sourcePort}`, '--reply-port-dst', `${reply.destinationPort}`],
  ];
}
