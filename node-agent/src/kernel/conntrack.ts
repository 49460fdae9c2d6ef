import { PROTOCOLS } from '@causeway/shared/model/service';
import { blockHasBlock, canonicalIp, parseBlock } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';
import { RANGES } from '@causeway/shared/rules/ranges';
import type { Flow, FlowListing, FlowProtocol, Tuple } from '../plan/flows.ts';
import type { Deletion } from '../plan/flows-deletions.ts';
import { parseBatch } from './ip-json.ts';
import type { FlowRequest, Forgetting } from './kernel.ts';

/** A busy router's table has millions of entries. */
const LIST_TIMEOUT_MS = 60_000;
/** For each deletion `conntrack` reads the whole table, so a program is given as many as it may do in this time. */
const AT_ONCE_MS = 250;
const MOST_AT_ONCE = 200;

/**
 * @returns undefined when the program `conntrack` is not installed
 * @throws CausewayError `command-failed`
 */
export async function listFlows({ family, protocols }: FlowRequest): Promise<FlowListing | undefined> {
  if (!isInstalled('conntrack')) return undefined;
  // The kernel tells all of them in any case, and the program leaves out those that nobody asked for.
  const [only, ...others] = protocols;
  const which = only === undefined || others.length > 0 ? [] : ['-p', nameOf(only, family)];
  const options = { doing: `listing the ${FAMILY_NAMES[family]} flows`, timeoutMs: LIST_TIMEOUT_MS };
  const [{ stdout }, own] = await Promise.all([
    run('conntrack', ['-L', '-f', family, ...which], options),
    listLocal(family),
  ]);
  const flows = parseFlows(stdout).filter(({ protocol }) => protocols.includes(protocol));
  return { flows, ...own };
}

/**
 * Makes the kernel forget these flows: the next packet of each is the first one again, so the rules see it. Flows that
 * are gone meanwhile are no fault.
 *
 * @returns how many deletions were asked for
 * @throws CausewayError `command-failed`
 */
export async function forgetFlows({ family, deletions, withinMs }: Forgetting): Promise<number> {
  const doing = `removing stale ${FAMILY_NAMES[family]} flows`;
  const startedAt = performance.now();
  let [asked, atOnce] = [0, 1];
  while (asked < deletions.length && performance.now() - startedAt < withinMs) {
    const some = deletions.slice(asked, asked + atOnce);
    const input = some.map((deletion) => `${argumentsOf(family, deletion).join(' ')}\n`).join('');
    // It opens its standard input by name, which only a pipe lets it; ours is a socket.
    await run('sh', ['-c', 'cat | conntrack --load-file -'], { doing, input, timeoutMs: LIST_TIMEOUT_MS });
    asked += some.length;
    const each = (performance.now() - startedAt) / asked;
    atOnce = Math.max(1, Math.min(MOST_AT_ONCE, Math.round(AT_ONCE_MS / each)));
  }
  return asked;
}

/** Exactly as the kernel looks it up when it asks whether an address is `local`. */
async function listLocal(family: Family): Promise<Pick<FlowListing, 'local' | 'linkLocal'>> {
  const args = [family === 'ipv4' ? '-4' : '-6', '-N', '-json', '-batch', '-'];
  const { stdout } = await run('ip', args, {
    input: 'route show table local type local\n',
    doing: "listing the host's own addresses",
  });
  const length = family === 'ipv4' ? 32 : 128;
  const [routes = []] = parseBatch(stdout, 1);
  const own = routes.flatMap(({ dst, dev }) =>
    typeof dst !== 'string'
      ? []
      : [{ cidr: dst.includes('/') ? dst : `${dst}/${length}`, link: String(dev) }],
  );
  const range = parseBlock(RANGES[family].linkLocal ?? '');
  return {
    local: own.map(({ cidr }) => cidr),
    linkLocal: own.filter(({ cidr }) => {
      const block = parseBlock(cidr);
      return range !== undefined && block !== undefined && blockHasBlock(range, block);
    }),
  };
}

const TUPLE = 'src=(\\S+) dst=(\\S+) sport=(\\d+) dport=(\\d+)';
const LINE = new RegExp(
  `^(udp|tcp|sctp) +\\d+ (?:\\d+ )?(?:[A-Z_]+ )?${TUPLE} (?:packets=\\d+ bytes=\\d+ )?(\\[UNREPLIED\\] )?${TUPLE}(.*)`,
);
/** Another world of addresses, which is not ours (conntrack zones). */
const ZONE = / zone(-orig|-reply)?=[1-9]/;

const ENDS = 'src=(\\S+) dst=(\\S+) type=\\d+ code=\\d+ id=\\d+';
const ICMP_LINE = new RegExp(
  `^icmp(?:v6)? +\\d+ (?:\\d+ )?${ENDS} (?:packets=\\d+ bytes=\\d+ )?(\\[UNREPLIED\\] )?${ENDS}(.*)`,
);

/** From `conntrack -L`; lines of protocols without services are left out, those of zones too. Pure. */
export function parseFlows(listing: string): readonly Flow[] {
  return listing.split('\n').flatMap((line) => {
    if (line.startsWith('icmp')) return parseIcmp(line);
    const found = LINE.exec(line);
    if (found === null || ZONE.test(found[11] ?? '')) return [];
    const [, name, a = '', b = '', c, d, unreplied, e = '', f = '', g, h] = found;
    const protocol = PROTOCOLS.find((one) => one === name);
    if (protocol === undefined) return [];
    const [original, reply] = [tuple(a, b, c, d), tuple(e, f, g, h)];
    return [{ protocol, original, reply, replied: unreplied === undefined }];
  });
}

function parseIcmp(line: string): readonly Flow[] {
  const found = ICMP_LINE.exec(line);
  if (found === null || ZONE.test(found[6] ?? '')) return [];
  const [, a = '', b = '', unreplied, c = '', d = ''] = found;
  return [{ protocol: 'icmp', original: tuple(a, b), reply: tuple(c, d), replied: unreplied === undefined }];
}

/** The kernel's name of a protocol. */
function nameOf(protocol: FlowProtocol, family: Family): string {
  return protocol === 'icmp' && family === 'ipv6' ? 'icmpv6' : protocol;
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

/** Arguments of `conntrack` that mean what the deletion names, outside of all zones, and nothing else. */
function argumentsOf(family: Family, { protocol, original, reply }: Deletion): readonly string[] {
  return [
    ...[
      '-D',
      '-f',
      family,
      '-p',
      nameOf(protocol, family),
      '-w',
      '0',
      '--orig-zone',
      '0',
      '--reply-zone',
      '0',
    ],
    ...tupleArguments('orig', original),
    ...tupleArguments('reply', reply),
  ];
}

function tupleArguments(direction: 'orig' | 'reply', tuple: Partial<Tuple>): readonly string[] {
  const { source, destination, sourcePort, destinationPort } = tuple;
  return Object.entries({
    [`--${direction}-src`]: source,
    [`--${direction}-dst`]: destination,
    [`--${direction}-port-src`]: sourcePort,
    [`--${direction}-port-dst`]: destinationPort,
    // The program knows no block of all addresses; who says nothing means them.
  }).flatMap(([option, value]) =>
    value === undefined || /\/0$/.test(`${value}`) ? [] : [option, `${value}`],
  );
}
