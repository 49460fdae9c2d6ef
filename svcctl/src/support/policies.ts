import { beforeEach } from 'vitest';
import { problem } from './fake-controller.ts';
import { type Session, useSession } from './session.ts';

/** Command lines against a controller that has policies, for each test of a file. */
export interface PolicySession extends Pick<Session, 'controller' | 'svcctl'> {
  /** What the controller has, by name. */
  readonly policies: Map<string, { revision: number; [field: string]: unknown }>;
  /** What it has of that name, but for the revision. */
  stored(name: string): object;
  /** Somebody else's write comes before the next one. */
  rival(write: () => void): void;
}

const PATH = '/v1/policies/';

export function usePolicies(): PolicySession {
  const { controller, svcctl } = useSession();
  const policies: PolicySession['policies'] = new Map();
  let rival: (() => void) | undefined;
  /** Headers are not kept by the fake: what a write was guarded by is judged by its revision. */
  let revision: number;
  beforeEach(() => {
    policies.clear();
    rival = undefined;
    revision = 10;
    controller.on(({ method, path, query, body }) => {
      if (!path.startsWith('/v1/policies')) return undefined;
      const sent = body as
        | { name?: string; ingress?: { rules: { peers: { cidrs: string[] } }[] } }
        | undefined;
      const name = path.startsWith(PATH) ? path.slice(PATH.length) : (sent?.name ?? '');
      const found = policies.get(name);
      if (method === 'PATCH') {
        const { items } = body as { items: readonly { name: string }[] };
        revision += query.dryRun ? 0 : 1;
        if (!query.dryRun) for (const item of items) policies.set(item.name, { ...item, revision });
        return { body: { items }, headers: { 'x-causeway-revision': String(revision) } };
      }
      if (method === 'GET') return found === undefined ? problem('not-found', 404, 'none') : { body: found };
      if (query.dryRun) {
        const cidrs = sent?.ingress?.rules[0]?.peers.cidrs.map((one) =>
          one.includes('/') ? one : `${one}/32`,
        );
        const rules = [{ action: 'deny', peers: { cidrs } }];
        return { body: { name, ingress: { rules }, revision: found?.revision ?? 0 } };
      }
      const other = rival;
      rival = undefined;
      if (other !== undefined) {
        other();
        return problem('conflict', 412, 'changing it: If-Match asks for another');
      }
      revision += 1;
      if (method === 'DELETE') policies.delete(name);
      else policies.set(name, { ...(sent as object), name, revision });
      return { body: { name, revision } };
    });
  });
  return {
    policies,
    controller,
    svcctl,
    stored: (name) => {
      const { revision: _revision, ...rest } = policies.get(name) ?? { revision: 0 };
      return rest;
    },
    rival: (write) => {
      rival = write;
    },
  };
}
