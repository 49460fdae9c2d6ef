import { Readable } from 'node:stream';
import {
  type AgentAnswer,
  type AgentRequest,
  type AgentUpgrade,
  requestAgent,
  textFromAgent,
  upgradeAgent,
} from '@causeway/shared/agent-client/client';
import { CausewayError, messageOf, show } from '@causeway/shared/errors';
import type { AgentAddress } from '@causeway/shared/model/agent-api';
import type { View } from '../view/view.ts';

/**
 * The agents, by the names of their hosts. All of these throw CausewayErrors: the agent's own; `not-found` for a host
 * that is none; `unreachable` naming host and address; `timeout`.
 */
export interface Agents {
  /** The answer's body is a stream, which the caller reads or destroys. */
  request(node: string, asked: AgentRequest): Promise<AgentAnswer>;
  /** The answer's body, as text that fits into memory. */
  text(node: string, asked: AgentRequest): Promise<string>;
  /** The answer's body, which is JSON; whoever calls checks its shape. */
  json(node: string, asked: AgentRequest): Promise<unknown>;
  /** A connection of another protocol. */
  upgrade(node: string, asked: AgentRequest): Promise<AgentUpgrade>;
}

/** An agent that has just started has told its new key within this time, milliseconds. */
const NEW_KEY_MS = 2_000;

/** @param view its table of agents has each one's address and key, and follows them */
export function createAgents(view: View): Agents {
  const ask = async <T>(
    call: (agent: AgentAddress, asked: AgentRequest) => Promise<T>,
    node: string,
    asked: AgentRequest,
  ): Promise<T> => {
    const agent = await addressOf(view, node);
    try {
      return await call(agent, asked);
    } catch (error) {
      const isWorthIt = isUnreachable(error) && !isUsedUp(asked.body);
      const newer = isWorthIt ? await newerOf(view, agent) : undefined;
      if (newer === undefined) throw error;
      return call(newer, asked);
    }
  };
  const text = (node: string, asked: AgentRequest) => ask(textFromAgent, node, asked);
  return {
    text,
    request: (node, asked) => ask(requestAgent, node, asked),
    upgrade: (node, asked) => ask(upgradeAgent, node, asked),
    json: async (node, asked) => {
      const body = await text(node, asked);
      try {
        return JSON.parse(body);
      } catch (cause) {
        throw new CausewayError('internal', `asking the agent of ${node}: ${messageOf(cause)}`, { cause });
      }
    },
  };
}

async function addressOf(view: View, node: string): Promise<AgentAddress> {
  const known = () => view.tables.agent.get(node)?.value;
  // One that has just been started tells it in a moment.
  if (view.tables.alive.has(node)) await view.until(() => known() !== undefined, NEW_KEY_MS);
  const agent = known();
  if (agent !== undefined) return agent;
  if (!view.tables.node.has(node))
    throw new CausewayError('not-found', `there is no host ${show(node)}`, { field: 'host', value: node });
  const isAlive = view.tables.alive.has(node);
  const why = isAlive
    ? 'it has stopped, serves no API (--api-addr), or is of an older version'
    : 'it does not run';
  throw new CausewayError('unreachable', `asking the agent of ${node}: ${why}`);
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CausewayError && error.code === 'unreachable';
}

/** A stream of which an agent that has broken off has had a part cannot be sent to another one. */
function isUsedUp(body: AgentRequest['body']): boolean {
  return body instanceof Readable && (body.readableDidRead || body.destroyed);
}

/** What the agent has told since: it has been started again, or its host has moved. */
async function newerOf(view: View, { node, key, address }: AgentAddress): Promise<AgentAddress | undefined> {
  const newer = () => {
    const found = view.tables.agent.get(node)?.value;
    return found !== undefined && (found.key !== key || found.address !== address) ? found : undefined;
  };
  await view.until(() => newer() !== undefined, NEW_KEY_MS);
  return newer();
}
