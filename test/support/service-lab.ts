import type { NodeView } from '@causeway/lab/api';
import type { Lab, LabContainer, LabOptions } from '@causeway/lab/lab';
import type { ServiceInput } from '@causeway/shared/model/service-input';
import { FAMILIES, type Family } from '@causeway/shared/net/family';
import { beforeAll, expect, vi } from 'vitest';
import { output, useLab } from './lab.ts';
import { SCTP_CLIENT, SCTP_SERVER } from './sctp.ts';
import { ADDRESSES_CLIENT, type Answers, SERVER } from './talk.ts';
import { ALL_REFUSALS, TALKER_COMMAND, type Talker, talkerOf } from './talker.ts';

/** In every container a server on TCP and UDP here says who it is and whom it sees; `web-1` has one by SCTP, too. */
export const SERVER_PORT = 9090;

/** A connection by TCP, or a socket of UDP, that is kept. */
export interface Held {
  /**
   * Asks on it, and returns what is answered: by a server, an error's code, `closed` or `silence`.
   *
   * @param patienceMs only where no answer is expected: how long to listen for one
   */
  ask(patienceMs?: number): Promise<string>;
  close(): void;
}

/** A lab of both families in which services are tried. Machines and containers alike are called by their names. */
export interface ServiceLab {
  readonly lab: Lab;
  addressOf(name: string, family: Family): string;
  /** Address of the containers' bridge on a host. */
  bridgeOf(host: string, family: Family): string;
  /** Asks `n` times, each time on a new socket. @param target `tcp ADDRESS PORT`, or udp */
  ask(from: string, target: string, n?: number): Promise<Answers>;
  /** All answers that came, sorted. */
  answers(from: string, target: string, n?: number): Promise<readonly string[]>;
  /** The same for what nobody should answer: `silence`, or what came. Nobody waits any longer than needed. */
  silence(from: string, target: string): Promise<readonly string[]>;
  /** Who answered, sorted; what went wrong besides. */
  names(from: string, target: string, n?: number): Promise<readonly string[]>;
  askSctp(from: string, address: string, port: number): Promise<string>;
  /** Who answers each of the asker's own addresses. */
  byAddress(
    from: string,
    target: string,
    own: readonly string[],
  ): Promise<Readonly<Record<string, string | undefined>>>;
  hold(from: string, target: string): Held;
  /** Starts another server on TCP and UDP. */
  serve(where: string, name: string, port: number): Promise<void>;
  /** Makes a service, or replaces it, and waits until every host's kernel holds it. */
  put(name: string, definition: ServiceInput): Promise<void>;
  /** Any other write, likewise. @param path below `/v1/services/` */
  write(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<void>;
}

/** For one test file: three hosts, `web-1` and `web-1b` on the first, `web-2` and `web-3` on the others. */
export function useServiceLab(options: LabOptions = {}): { readonly world: ServiceLab } {
  const up = useLab({ name: 'services', hosts: 3, networkIpv6: 'fd00:10::/48', ...options });
  let world: ServiceLab | undefined;
  beforeAll(async () => {
    world = await openServiceLab(up.lab);
  });
  return {
    get world() {
      if (world === undefined) throw new Error('the lab is not up');
      return world;
    },
  };
}

/** How long an answer may take on a busy machine, milliseconds. */
const PATIENCE_MS = 20_000;
/** How long nothing must come to be taken for silence, milliseconds. */
export const SILENCE_MS = 1_000;

/**
 * Hosts forget a quiet flow of UDP after 30 s, and then lead the same socket to another endpoint. A busy machine takes
 * longer than that for one test.
 */
const REMEMBER_UDP =
  'for each in /proc/sys/net/netfilter/nf_conntrack_udp_timeout*; do echo 3600 >"$each"; done';

/** VIPs of both families, in the band of the service range that nobody is given by chance. */
export function vipsOf(last: number): Readonly<Record<Family, string>> {
  return { ipv4: `10.96.0.${last}`, ipv6: `fd00:10:96::${last}` };
}

async function openServiceLab(lab: Lab): Promise<ServiceLab> {
  const containers = new Map((await lab.containers()).map((each) => [each.name, each]));
  const bridges = new Map(
    await Promise.all(lab.hosts.map(async (host) => [host, await bridgeAddresses(lab, host)] as const)),
  );
  const at = (name: string, program: readonly string[]): [string, string[]] => {
    const container = containers.get(name);
    return container === undefined
      ? [name, [...program]]
      : [container.host, ['ip', 'netns', 'exec', `cwy-${name}`, ...program]];
  };
  const node = (from: string, program: string, ...args: readonly (string | number)[]) =>
    run(lab, at(from, [process.execPath, '-e', program, ...args.map(String)]));
  const serve = (where: string, ...program: readonly string[]) => firstLine(lab, at(where, program));

  const talkers = new Map<string, Talker>();
  const talkerAt = (from: string): Talker => {
    const talker = talkers.get(from) ?? talkerOf(lab.spawn(...at(from, TALKER_COMMAND)));
    talkers.set(from, talker);
    return talker;
  };
  const ask: ServiceLab['ask'] = (from, target, n = 4) => talkerAt(from).ask(target, n, PATIENCE_MS);
  const answers: ServiceLab['answers'] = async (...args) => Object.keys((await ask(...args)).answers).sort();
  const world: ServiceLab = {
    ...{ lab, ask, answers },
    addressOf: (name, family) => {
      const container = containers.get(name);
      if (container !== undefined) return addressIn(container, family);
      return family === 'ipv4' ? lab.addressOf(name) : lab.ipv6AddressOf(name);
    },
    bridgeOf: (host, family) => bridges.get(host)?.[family] ?? '',
    silence: async (from, target) => Object.keys((await talkerAt(from).ask(target, 1, SILENCE_MS)).answers),
    names: async (...args) => [...new Set((await answers(...args)).map(nameIn))].sort(),
    askSctp: (from, address, port) => run(lab, at(from, ['perl', '-e', SCTP_CLIENT, address, String(port)])),
    byAddress: async (from, target, own) => {
      const [, address = '', port = ''] = target.split(' ');
      const told: Record<string, string> = JSON.parse(
        await node(from, ADDRESSES_CLIENT, address, port, ...own),
      );
      return Object.fromEntries(Object.entries(told).map(([client, answer]) => [client, nameIn(answer)]));
    },
    hold: (from, target) => {
      const kept = talkerAt(from).keep(target);
      return {
        ask: (patienceMs = PATIENCE_MS) => kept.ask(patienceMs),
        close: () => void kept.close(),
      };
    },
    serve: (where, name, port) => serve(where, process.execPath, '-e', SERVER, name, String(port)),
    put: (name, definition) => write(lab, 'PUT', name, definition),
    write: (...args) => write(lab, ...args),
  };
  await Promise.all([
    ...lab.hosts.map((host) => output(lab, host, 'sh', '-c', `${REMEMBER_UDP}; ${ALL_REFUSALS}`)),
    ...[...containers.keys()].map((name) => world.serve(name, name, SERVER_PORT)),
    serve('web-1', 'perl', '-e', SCTP_SERVER, 'web-1'),
  ]);
  return world;
}

function addressIn({ address, ipv6Address }: LabContainer, family: Family): string {
  return family === 'ipv4' ? address : (ipv6Address ?? '');
}

/** `web-1` of `web-1 sees 10.10.1.2`. */
function nameIn(answer: string): string {
  return answer.split(' ')[0] ?? '';
}

async function bridgeAddresses(lab: Lab, host: string): Promise<Readonly<Record<Family, string>>> {
  const listing = await output(lab, host, 'ip', '-j', 'address', 'show', 'dev', 'cwy0', 'scope', 'global');
  const links = JSON.parse(listing) as { addr_info: { family: string; local: string }[] }[];
  const [ipv4 = '', ipv6 = ''] = FAMILIES.map((family) => {
    const name = family === 'ipv4' ? 'inet' : 'inet6';
    return links.flatMap((link) => link.addr_info).find((each) => each.family === name)?.local;
  });
  return { ipv4, ipv6 };
}

function run(lab: Lab, [member, argv]: readonly [string, readonly string[]]): Promise<string> {
  return output(lab, member, ...argv);
}

/** Starts what stays as long as the lab, and waits for a sign of life. */
async function firstLine(lab: Lab, [member, argv]: readonly [string, readonly string[]]): Promise<void> {
  const child = lab.spawn(member, argv);
  let complaint = '';
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', () => reject(new Error(`${argv.at(-2)} on ${member} has ended: ${complaint}`)));
  });
}

async function write(lab: Lab, method: string, path: string, sent?: object): Promise<void> {
  const { status, body } = await lab.api.ask(method, `/v1/services/${path}`, sent);
  expect(status, `${method} ${path}: ${JSON.stringify(body)}`).toBeLessThan(300);
  const { revision } = body as { readonly revision: number };
  const reached = async () => {
    const nodes = await lab.api.list<NodeView>('/v1/nodes');
    const behind = nodes.filter(({ report }) => (report?.servicesRevision ?? 0) < revision);
    expect(behind.map(({ name }) => name)).toEqual([]);
  };
  await vi.waitFor(reached, { timeout: 60_000, interval: 20 });
}
