import type { Readable } from 'node:stream';
import { CausewayError } from '@causeway/shared/errors';
import type { ImageTaken } from '@causeway/shared/model/image';
import { z } from 'zod';
import type { Agents } from '../agents/agents.ts';
import type { View } from '../view/view.ts';

/** An agent that unpacks or pulls says nothing until it has done so, milliseconds. */
const IDLE_MS = 60 * 60 * 1_000;

const takenSchema: z.ZodType<ImageTaken> = z.object({
  digest: z.string(),
  size: z.number(),
  notes: z.array(z.string()),
});

/** What a host is to take: an archive that streams through, or what it pulls itself. */
export type TakeRequest =
  | { readonly archive: Readable }
  | { readonly reference: string; readonly verifyTls: boolean };

/** @throws CausewayError the agent's own, `not-found` and `unreachable` naming the host */
export async function takeImage(agents: Agents, host: string, what: TakeRequest): Promise<ImageTaken> {
  const answer = await agents.json(host, {
    ...{ method: 'POST', idleMs: IDLE_MS },
    ...('archive' in what
      ? { path: '/v1/images', body: what.archive }
      : { path: '/v1/images/pull', body: JSON.stringify(what) }),
  });
  const taken = takenSchema.safeParse(answer);
  if (taken.success) return taken.data;
  throw new CausewayError('internal', `the agent of ${host} answered what is no image`);
}

/** @returns the host that was asked for, or one that is alive and can be asked @throws CausewayError `unreachable` */
export function hostFor({ tables }: View, asked: string | undefined): string {
  if (asked !== undefined) return asked;
  const host = [...tables.agent.keys()].filter((name) => tables.alive.has(name)).sort()[0];
  if (host !== undefined) return host;
  throw new CausewayError('unreachable', 'taking an image: no host is alive that could take it');
}
