import { CausewayError } from '@causeway/shared/errors';
import type { AttachTarget, ContainerSpec } from '@causeway/shared/model/container';
import type { World } from '../connection.ts';
import { lookInside } from '../modes/inside-facts.ts';
import { netnsOfProcess } from '../processes.ts';
import type { Found } from './seek.ts';

/** `docker:web` */
export function targetText({ kind, id }: AttachTarget): string {
  return `${kind}:${id}`;
}

/**
 * Why a namespace cannot be given a network, before anything is changed in it.
 *
 * @param claimed names of containers by namespace that were attached since the host was looked at
 */
export function attachFault(
  { name, attach }: ContainerSpec,
  found: Found,
  world: World,
  claimed: ReadonlyMap<number, string>,
): CausewayError | undefined {
  const text = attach === undefined ? name : targetText(attach);
  const refuse = (code: 'conflict' | 'invalid', reason: string) =>
    new CausewayError(code, `attaching ${text}: ${reason}`, { field: 'attach', value: text });
  if (found.netns === netnsOfProcess(process.pid))
    return refuse('invalid', 'it uses the host’s network and has no network namespace of its own');
  const own = [...world.observed.running].find(([, { netns }]) => netns === found.netns)?.[0];
  if (own !== undefined)
    return refuse('conflict', `it is the network of container ${own}, which Causeway runs`);
  const other = holderOf(name, found, world, claimed);
  if (other !== undefined) return refuse('conflict', `it is attached already, as ${other}`);
  const { process: first } = found;
  if (first !== undefined && lookInside(first.pid).links.has('eth0')) return refuse('conflict', HAS_LINK);
  return undefined;
}

export const HAS_LINK = 'it has a network already, a link eth0';

function holderOf(
  name: string,
  { netns }: Found,
  { specs, observed }: World,
  claimed: ReadonlyMap<number, string>,
): string | undefined {
  const holders = [...observed.attached].filter(([, one]) => one === netns).map(([holder]) => holder);
  const late = claimed.get(netns);
  return [...holders, ...(late === undefined ? [] : [late])].find(
    (holder) => holder !== name && specs.some((one) => one.name === holder && one.attach !== undefined),
  );
}
