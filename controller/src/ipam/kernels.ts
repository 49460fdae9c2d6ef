import { CausewayError, messageOf } from '@causeway/shared/errors';
import { canonicalIp } from '@causeway/shared/net/block';
import { keys } from '@causeway/shared/store/keys';
import { z } from 'zod';
import type { Agents } from '../agents/agents.ts';
import type { Tables } from '../view/tables.ts';
import { ownAddresses } from './containers.ts';
import { quoted } from './held-once.ts';

/** How many hosts are asked at a time, and how long one may take, milliseconds. */
const AT_ONCE = 16;
const HOST_MS = 10_000;

/** Waiting for one that may come back is not worth it: whoever asks can ask again. */
const NO_AGENT = 'no agent answers there (it does not run, serves no API, or is of an older version)';

/** What a host's agent answers of the namespaces of its containers, and of what it remembers of them. */
const seenSchema = z.object({
  namespaces: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })),
  records: z.array(z.object({ name: z.string(), addresses: z.array(z.string()) })),
});
type Seen = z.output<typeof seenSchema>;

export interface KernelFindings {
  readonly findings: readonly string[];
  /** Why hosts could not be asked, each a sentence: of those nothing is known. */
  readonly unasked: readonly string[];
  /** How many were. */
  readonly asked: number;
}

/** Compares what etcd tells of containers with what the kernels of their hosts have. */
export async function kernelFindings(
  tables: Tables,
  unreadable: ReadonlyMap<string, string>,
  agents: Pick<Agents, 'json'>,
): Promise<KernelFindings> {
  const findings: string[] = [];
  const unasked: string[] = [];
  const hosts = hostsOf(tables);
  const left = hosts.values();
  const worker = async () => {
    for (const host of left) {
      const seen = tables.agent.has(host) ? await ask(host, agents) : NO_AGENT;
      if (typeof seen === 'string')
        unasked.push(`${host} could not be asked what its containers have: ${seen}`);
      else findings.push(...compare(host, seen, tables, unreadable));
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, hosts.length) }, worker));
  return { findings, unasked: unasked.sort(), asked: hosts.length - unasked.length };
}

/** Those that have containers, and those that may have some left. */
function hostsOf({ container, containerStatus, agent }: Tables): readonly string[] {
  const named = [...container.values(), ...containerStatus.values()].map(({ value }) => value.host);
  return [...new Set([...named, ...agent.keys()])].sort();
}

/** @returns why it could not be asked, if so */
async function ask(host: string, agents: Pick<Agents, 'json'>): Promise<Seen | string> {
  const signal = AbortSignal.timeout(HOST_MS);
  try {
    return seenSchema.parse(
      await agents.json(host, { method: 'GET', path: '/v1/container-addresses', signal }),
    );
  } catch (error) {
    return error instanceof CausewayError ? messageOf(error) : 'its answer cannot be read';
  }
}

function compare(
  host: string,
  { namespaces, records }: Seen,
  tables: Tables,
  unreadable: ReadonlyMap<string, string>,
): readonly string[] {
  const isKnown = (name: string) =>
    tables.container.has(name) || tables.containerStatus.has(name) || unreadable.has(keys.container(name));
  const inKernel = new Map(
    namespaces.map(({ name, addresses }) => [name, new Set(addresses.map(canonical))]),
  );
  const leaked = [
    ...namespaces
      .filter(({ name }) => !isKnown(name))
      .map(
        ({ name }) =>
          `${host} has a network namespace of container ${quoted(name)}, which does not exist: it is leaked`,
      ),
    ...records
      .filter(({ name, addresses }) => !isKnown(name) && addresses.length > 0)
      .map(
        ({ name, addresses }) =>
          `${host} keeps ${addresses.join(' and ')} for container ${quoted(name)}, which does not exist: it is leaked`,
      ),
  ];
  const differing = [...tables.containerStatus.values()].flatMap(({ value: status }) => {
    if (status.host !== host || status.state !== 'running') return [];
    const told = ownAddresses(status, tables.container.get(status.name)?.value);
    const real = inKernel.get(status.name);
    const lost = told.filter((address) => !real?.has(canonical(address)));
    const has = real === undefined ? 'no namespace' : [...real].join(' and ') || 'no address';
    return lost.map(
      (address) =>
        `address ${address} of container ${quoted(status.name)} is not in the kernel of ${host}, which has ${has} there`,
    );
  });
  return [...leaked, ...differing, ...given(host, inKernel, tables)];
}

/** One kernel's addresses that etcd tells of another container, or of none that could have it. */
function given(
  host: string,
  inKernel: ReadonlyMap<string, ReadonlySet<string>>,
  tables: Tables,
): readonly string[] {
  const toldOf = new Map<string, string>();
  for (const { value: status } of tables.containerStatus.values())
    for (const address of ownAddresses(status, tables.container.get(status.name)?.value))
      toldOf.set(canonical(address), status.name);
  return [...inKernel].flatMap(([name, addresses]) =>
    [...addresses].flatMap((address) => {
      const owner = toldOf.get(address);
      return owner === undefined || owner === name
        ? []
        : [
            `address ${address} of container ${quoted(owner)} is in the namespace of container ${quoted(name)} on ${host}`,
          ];
    }),
  );
}

function canonical(address: string): string {
  return canonicalIp(address) ?? address;
}
