import { z } from 'zod';
import type { Collection } from './collection.ts';
import { revision } from './schemas.ts';

export const workloadSchema = z
  .object({
    name: z.string(),
    addresses: z.array(z.string()).readonly(),
    labels: z.record(z.string(), z.string()),
    revision,
  })
  .meta({ id: 'Workload' });

/** What serves and no agent of ours runs. */
export const workloads: Collection<'workload', z.output<typeof workloadSchema>> = {
  source: 'causeway',
  kind: 'workload',
  also: [],
  present: ({ value, revision }) => ({ ...value, revision }),
};
