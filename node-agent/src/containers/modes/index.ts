import type { ContainerSpec } from '@causeway/shared/model/container';
import type { Connection, Fault, MakeRequest, World } from '../connection.ts';
import { connect, linkFault } from '../network.ts';
import { attachedNetnsOf, hostLinkOf, NETNS_DIR, placeOf } from '../places.ts';
import { ipBatch, ipBatchIn } from './batch.ts';
import { macvlanFault, makeMacvlan } from './macvlan.ts';
import { netnsNames } from './names.ts';
import { makePairs, pairFault } from './pairs.ts';
import { modeOf } from './targets.ts';

export { modeOf } from './targets.ts';

/** How a container is to be connected. Any with a namespace of its own may be an end of others' links too. */
export function connectionOf(spec: ContainerSpec): Connection {
  const mode = modeOf(spec);
  switch (mode.kind) {
    case 'bridge':
      return withPairs(spec, {
        bringsLink: true,
        fault: (world) => bridgeFault(spec.name, world),
        make: ({ place, addresses, world, fresh, hasNetns = !fresh }) =>
          connect(place, addresses, world.network, {
            netns: hasNetns,
            link: !fresh && world.observed.links.has(place.hostLink),
            ...(mode.mac === undefined ? {} : { mac: mode.mac }),
          }),
      });
    case 'macvlan':
      return withPairs(spec, {
        bringsLink: true,
        fault: (world) => macvlanFault(spec.name, mode, world),
        make: async (request) => {
          await makeNetns(request);
          await makeMacvlan(mode, request);
        },
      });
    case 'p2p':
    case 'none':
      return withPairs(spec, { bringsLink: false, fault: () => undefined, make: makeNetns });
    case 'container':
      return sharing(spec.name, mode.container);
    case 'host':
      return {
        ...{ ownNetns: false, bringsLink: false, netnsPath: () => undefined },
        ...{ fault: () => undefined, make: async () => undefined },
      };
  }
}

type Own = Pick<Connection, 'bringsLink' | 'fault' | 'make'>;

function withPairs(spec: ContainerSpec, own: Own): Connection {
  return {
    ...{ ownNetns: true, bringsLink: own.bringsLink },
    netnsPath: ({ layout }) => placeOf(layout, spec.name).netnsPath,
    fault: (world) => worse(own.fault(world), pairFault(spec, world)),
    make: async (request) => {
      await own.make(request);
      await makePairs(spec.name, request.world, request.fresh);
    },
  };
}

/** What can be mended goes before what has to wait. */
function worse(one: Fault | undefined, other: Fault | undefined): Fault | undefined {
  return one?.cure === 'wait' && other !== undefined && other.cure !== 'wait' ? other : (one ?? other);
}

function bridgeFault(name: string, { observed, network }: World): Fault | undefined {
  const why = linkFault(observed.links.get(hostLinkOf(name)), network);
  return why === undefined ? undefined : { why, cure: 'repair' };
}

async function makeNetns({ place, fresh }: MakeRequest): Promise<void> {
  if (fresh && !(await netnsNames()).has(place.netns))
    await ipBatch(place.name, [`netns add ${place.netns}`]);
  await ipBatchIn(place.netns, place.name, ['link set dev lo up']);
}

/** In the namespace of another container, which may be one of others. */
function sharing(name: string, target: string): Connection {
  const isAttached = ({ specs }: World) => specs.find((one) => one.name === target)?.attach !== undefined;
  return {
    ...{ needs: target, ownNetns: false, bringsLink: false },
    netnsPath: (world) =>
      isAttached(world) ? `${NETNS_DIR}/${attachedNetnsOf(target)}` : placeOf(world.layout, target).netnsPath,
    fault: (world) => {
      const { running, netns, attached } = world.observed;
      const theirs = (isAttached(world) ? attached : netns).get(target);
      const isThere = isAttached(world) ? theirs !== undefined : running.has(target);
      if (!isThere) return { why: `container ${target}, whose network it uses, does not run`, cure: 'wait' };
      if (theirs === running.get(name)?.netns) return undefined;
      return { why: `container ${target}, whose network it uses, was started anew`, cure: 'restart' };
    },
    make: async () => undefined,
  };
}
