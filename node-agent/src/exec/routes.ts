import { invalid } from '@causeway/shared/errors';
import { EXEC_PROTOCOL, LONGEST_FRAME } from '@causeway/shared/exec-frames';
import type { Route } from '../api/routes.ts';
import { isContainerName } from '../containers/places.ts';
import type { ContainerRuntime } from '../containers/runtime.ts';
import { converse } from './converse.ts';

/** A first message holds the whole of a command line, bytes. */
const LONGEST_MESSAGE = 2 * 1024 * 1024 + LONGEST_FRAME;

/** Commands in containers of this host, for somebody who talks to them: a WebSocket each. */
export function execRoutes(runtime: Pick<ContainerRuntime, 'execSession'>): readonly Route[] {
  return [
    {
      ...{ method: 'UPGRADE', path: '/v1/containers/:name/exec' },
      handle: async ({ params, request, signal }, socket, head) => {
        const { name = '' } = params;
        if (!isContainerName(name)) throw invalid('container', name, 'is no name of a container');
        // Loaded only where somebody uses it: every host pays for what its agent holds.
        const { WebSocketServer } = await import('ws');
        const server = new WebSocketServer({
          ...{ noServer: true, clientTracking: false, perMessageDeflate: false, maxPayload: LONGEST_MESSAGE },
          handleProtocols: (asked) => (asked.has(EXEC_PROTOCOL) ? EXEC_PROTOCOL : false),
        });
        server.handleUpgrade(request, socket, head, (socketOfBoth) => {
          void converse(
            socketOfBoth,
            (start, unwanted) => runtime.execSession(name, start, unwanted),
            signal,
          );
        });
      },
    },
  ];
}
