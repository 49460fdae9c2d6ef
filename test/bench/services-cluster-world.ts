import type { Lab } from '@causeway/lab/lab';
import type { Inside } from './inside.ts';

/** A cluster with many services, and what the bench has in it. */
export interface ServicesWorld {
  readonly lab: Lab;
  readonly services: number;
  /** On the client, which is no host. */
  readonly beside: Inside;
}
