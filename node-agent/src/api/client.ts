import { type AgentAnswer, type AgentRequest, requestAgent } from '@causeway/shared/agent-client/client';
import { CausewayError, show } from '@causeway/shared/errors';
import type { AgentAddress } from '@causeway/shared/model/agent-api';
import { decodeAgent } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Store } from '@causeway/shared/store/store';

/** How this agent asks others: `client(store).request('host-2', { path: '/v1/…' })`. */
export interface PeerClient {
  /**
   * Asks the agent of another host, which is looked up in etcd with each call.
   *
   * @throws CausewayError the other agent's own error; `unreachable` naming the host, when its agent cannot be reached,
   *   or none has told where it is; `timeout`
   */
  request(node: string, asked: AgentRequest): Promise<AgentAnswer>;
}

export function createPeerClient(store: Store): PeerClient {
  return { request: async (node, asked) => requestAgent(await addressOf(store, node), asked) };
}

async function addressOf(store: Store, node: string): Promise<AgentAddress> {
  const kv = await store.get(keys.agent(node));
  if (kv === undefined)
    throw new CausewayError('unreachable', `asking the agent of ${show(node)}: no agent of that host runs`);
  const agent = decodeAgent(kv);
  if (agent instanceof CausewayError) throw agent;
  return agent;
}
