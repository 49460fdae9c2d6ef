import { CausewayError } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { NetworkMode, PointToPointMode } from '@causeway/shared/model/container-network';

/** PURE. How a container is connected; without a word of its own on the host's bridge. */
export function modeOf(spec: ContainerSpec): NetworkMode {
  return spec.network ?? { kind: 'bridge' };
}

/** A container with a point-to-point link, and how it is to have it. */
export interface Pointed {
  readonly name: string;
  readonly mode: PointToPointMode;
}

/** PURE. Those that have a link to another container. */
export function pointedOf(specs: readonly ContainerSpec[]): readonly Pointed[] {
  return specs.flatMap(({ name, network }) => (network?.kind === 'p2p' ? { name, mode: network } : []));
}

/**
 * PURE. Why a container cannot be connected to the one that it names; undefined when it can, or the other one only has
 * to come first.
 */
export function targetFault(spec: ContainerSpec, specs: readonly ContainerSpec[]): CausewayError | undefined {
  const mode = modeOf(spec);
  if (mode.kind !== 'container' && mode.kind !== 'p2p') return undefined;
  const target = mode.kind === 'container' ? mode.container : mode.peer;
  const text = `${mode.kind}:${target}`;
  const refuse = (reason: string) =>
    new CausewayError('invalid', `network "${text}" of container ${spec.name}: ${reason}`, {
      field: 'network',
      value: text,
    });
  if (target === spec.name) return refuse('that is the container itself');
  const other = specs.find(({ name }) => name === target);
  if (other === undefined) return refuse(`there is no container ${target} on this host`);
  const others = modeOf(other);
  if (others.kind === 'host') return refuse(`${target} has no network of its own: it uses the host's`);
  if (others.kind === 'container')
    return refuse(`${target} has no network of its own: it uses that of ${others.container}, name that one`);
  return undefined;
}
