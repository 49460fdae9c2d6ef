import { Readable } from 'node:stream';
import { invalid } from '@causeway/shared/errors';
import type { Call, Route } from '../api/routes.ts';
import { isContainerName } from '../containers/places.ts';
import { readLog } from './read.ts';

/** @param logOf where the log of a container is, whether or not it exists */
export function logRoutes(logOf: (name: string) => string): readonly Route[] {
  return [
    {
      ...{ method: 'GET', path: '/v1/containers/:name/log' },
      handle: async ({ params, query, signal }: Call) => {
        const { name = '' } = params;
        if (!isContainerName(name)) throw invalid('container', name, 'is no name of a container');
        const [tail, since] = [numberOf(query, 'tail'), sinceOf(query)];
        const request = {
          ...{ follow: query.get('follow') === 'true', signal },
          ...(tail === undefined ? {} : { tail }),
          ...(since === undefined ? {} : { since }),
        };
        return {
          type: 'text/plain',
          stream: Readable.from(readLog(logOf(name), request), { objectMode: false }),
        };
      },
    },
  ];
}

/** A length of time is counted back by this host's clock, which is the log's. */
function sinceOf(query: URLSearchParams): number | undefined {
  const seconds = numberOf(query, 'sinceSeconds');
  if (seconds !== undefined) return Date.now() - seconds * 1_000;
  const text = query.get('since');
  if (text === null) return undefined;
  const time = Date.parse(text);
  if (Number.isNaN(time)) throw invalid('since', text, 'is no time');
  return time;
}

function numberOf(query: URLSearchParams, field: string): number | undefined {
  const text = query.get(field);
  if (text === null) return undefined;
  if (!/^\d{1,9}(\.\d{1,3})?$/.test(text)) throw invalid(field, text, 'is no number');
  return Number(text);
}
