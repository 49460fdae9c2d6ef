import { CausewayError, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import { decodeNodePolicy } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, Store } from '@causeway/shared/store/store';
import { unchanged } from './allocate/transaction.ts';
import { cannotPublish } from './container-claims.ts';
import { meetsNodePorts } from './validate/node-port-places.ts';
import { factsOf } from './view/facts.ts';
import type { View } from './view/view.ts';

/**
 * A port that is published where NodePorts are served must be no service's NodePort.
 *
 * @returns the guards that it stays so @throws CausewayError `conflict`
 */
export async function notNodePorts(
  store: Store,
  view: View,
  { host, publish = [] }: ContainerSpec,
): Promise<readonly Guard[]> {
  if (publish.length === 0) return [];
  const facts = factsOf(view);
  const guards = new Map<string, Guard>();
  for (const [index, port] of publish.entries()) {
    const key = keys.nodePort(port.protocol, port.hostPort);
    const holder = { host, ...(port.address === undefined ? {} : { address: port.address }) };
    if (!meetsNodePorts(holder, facts)) continue;
    const owner = await store.get(key);
    if (owner !== undefined)
      throw cannotPublish(
        index,
        port,
        `${port.hostPort}/${port.protocol} is the NodePort of service ${show(owner.value)}`,
      );
    guards.set(key, { key, absent: true });
  }
  const { tables, unreadable } = view;
  const isUnreadable = unreadable.has(keys.settings);
  return [...guards.values(), unchanged(keys.settings, tables.settings.get(''), isUnreadable)];
}

/** @returns the guard that the host is as it was looked at @throws CausewayError `conflict` when it is cordoned */
export async function policyOf(store: Store, host: string): Promise<Guard> {
  const key = keys.nodePolicy(host);
  const found = await store.get(key);
  if (found === undefined) return { key, absent: true };
  const policy = decodeNodePolicy(found);
  if (policy instanceof CausewayError) throw policy;
  if (!policy.cordoned) return { key, modRevision: found.modRevision };
  const is = policy.drained ? 'drained' : 'cordoned';
  throw new CausewayError(
    'conflict',
    `host "${host}" is ${is}: it takes no new containers until "svcctl node uncordon ${host}"`,
    { field: 'host', value: host },
  );
}
