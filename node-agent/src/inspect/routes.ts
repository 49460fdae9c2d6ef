import { access } from 'node:fs/promises';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { Route } from '../api/routes.ts';
import { attachedNetnsOf, isContainerName, NETNS_DIR, type Place } from '../containers/places.ts';
import { inspectNamespace } from './inspect.ts';
import { listeners } from './listeners.ts';

export interface InspectDeps {
  /** This host's name. */
  readonly host: string;
  /** Where the agent notes which settings it has changed. */
  readonly sysctlFile: string;
  readonly placeOf: (name: string) => Place;
}

/** What this host's kernel holds, as it is now. */
export function inspectRoutes({ host, sysctlFile, placeOf }: InspectDeps): readonly Route[] {
  return [
    {
      ...{ method: 'GET', path: '/v1/net' },
      handle: async () => ({ json: await inspectNamespace({ of: host }, sysctlFile) }),
    },
    {
      ...{ method: 'GET', path: '/v1/listeners' },
      handle: async () => ({ json: { listeners: await listeners() } }),
    },
    {
      ...{ method: 'GET', path: '/v1/containers/:name/net' },
      handle: async ({ params: { name = '' } }) => {
        if (!isContainerName(name)) throw invalid('container', name, 'is no name of a container');
        const of = `container ${name} on ${host}`;
        const path = await namespaceOf(name, placeOf(name));
        return { json: await inspectNamespace({ of, path }, sysctlFile) };
      },
    },
  ];
}

/** @throws CausewayError `conflict` */
async function namespaceOf(name: string, place: Place): Promise<string> {
  for (const path of [place.netnsPath, `${NETNS_DIR}/${attachedNetnsOf(name)}`]) {
    const isThere = await access(path).then(
      () => true,
      () => false,
    );
    if (isThere) return path;
  }
  throw new CausewayError(
    'conflict',
    `looking at the network of container ${name}: it has none: it does not run`,
  );
}
