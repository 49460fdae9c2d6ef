import { textOf } from '@causeway/shared/agent-client/client';
import { readOn } from '@causeway/shared/agent-client/read-on';
import { invalid } from '@causeway/shared/errors';
import type { ImageTaken } from '@causeway/shared/model/image';
import { digestOf } from '@causeway/shared/model/oci-image';
import type { Call, Route } from '../api/routes.ts';
import type { Installed } from './install.ts';
import type { ImageKeeper } from './store.ts';

const MOST_REQUEST = 16 * 1024;

/** What controllers ask of a host's images, and other agents of their blobs. */
export function imageRoutes(images: Pick<ImageKeeper, 'take' | 'pull' | 'openBlob'>): readonly Route[] {
  return [
    {
      method: 'POST',
      path: '/v1/images',
      handle: async ({ request }) => ({ json: taken(await readOn(request, (body) => images.take(body))) }),
    },
    {
      method: 'POST',
      path: '/v1/images/pull',
      handle: async (call) => ({ json: taken(await images.pull(await pullRequest(call))) }),
    },
    {
      method: 'GET',
      path: '/v1/blobs/:digest',
      handle: async ({ params, query }) => {
        const from = Number(query.get('from') ?? 0);
        if (!Number.isSafeInteger(from) || from < 0) throw invalid('from', query.get('from'), 'is no byte');
        const stream = await images.openBlob(digestOf(params.digest ?? ''), from);
        return { stream, type: 'application/octet-stream' };
      },
    },
  ];
}

function taken({ digest, size, notes }: Installed): ImageTaken {
  return { digest, size, notes };
}

async function pullRequest({ request }: Call) {
  const asked: unknown = JSON.parse(await textOf(request, MOST_REQUEST));
  const { reference, verifyTls } = asked as { reference?: unknown; verifyTls?: unknown };
  if (typeof reference !== 'string') throw invalid('reference', reference, 'is no text');
  return { reference, verifyTls: verifyTls !== false };
}
