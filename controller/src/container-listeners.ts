import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec, PublishedPort } from '@causeway/shared/model/container';
import type { Listener } from '@causeway/shared/model/listener';
import { familyOf } from '@causeway/shared/net/block';
import { z } from 'zod';
import type { Agents } from './agents/agents.ts';
import { cannotPublish } from './container-claims.ts';
import type { View } from './view/view.ts';

/** How long a host may take to say what its programs listen to, milliseconds. */
const HOST_MS = 3_000;

/** All addresses of a host. */
const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

const answerSchema = z.object({
  listeners: z.array(
    z.object({ protocol: z.enum(['tcp', 'udp', 'sctp']), address: z.string(), port: z.number() }),
  ),
});

/**
 * A port that a program of the host listens to would be taken from it. The host is asked; where it does not answer,
 * nobody knows, and nothing is refused.
 *
 * @throws CausewayError `conflict`
 */
export async function notListenedTo(
  agents: Pick<Agents, 'json'>,
  { tables }: Pick<View, 'tables'>,
  { host, publish = [] }: Pick<ContainerSpec, 'host' | 'publish'>,
): Promise<void> {
  if (publish.length === 0 || !tables.agent.has(host)) return;
  const heard = await listenersOf(host, agents);
  publish.forEach((port, index) => {
    const other = heard.find((one) => meets(one, port));
    if (other === undefined) return;
    const at = ANY.has(other.address) ? '' : ` at ${other.address}`;
    throw cannotPublish(
      index,
      port,
      `a program of ${host} listens to port ${other.port}/${other.protocol}${at}`,
    );
  });
}

async function listenersOf(host: string, agents: Pick<Agents, 'json'>): Promise<readonly Listener[]> {
  const asked = { method: 'GET', path: '/v1/listeners', signal: AbortSignal.timeout(HOST_MS) } as const;
  try {
    const answer = answerSchema.safeParse(await agents.json(host, asked));
    return answer.success ? answer.data.listeners : [];
  } catch (error) {
    if (error instanceof CausewayError) return [];
    throw error;
  }
}

function meets({ protocol, address, port }: Listener, published: PublishedPort): boolean {
  if (protocol !== published.protocol || port !== published.hostPort) return false;
  if (published.address === undefined || address === published.address || address === '::') return true;
  return address === '0.0.0.0' && familyOf(published.address) === 'ipv4';
}
