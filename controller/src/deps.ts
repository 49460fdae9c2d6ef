import type { Store } from '@causeway/shared/store/store';
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Agents } from './agents/agents.ts';
import type { Chance } from './allocate/complete.ts';
import type { ServiceWriter } from './allocate/service-writer.ts';
import type { ContainerWriter } from './container-writer.ts';
import type { ImageWriter } from './images/image-writer.ts';
import type { NetworkWriter } from './network/network-writer.ts';
import type { NodeWriter } from './nodes/node-writer.ts';
import type { PolicyWriter } from './policies/policy-writer.ts';
import type { SettingsWriter } from './settings-writer.ts';
import type { LastWords } from './status/last-words.ts';
import type { View } from './view/view.ts';
import type { Streams } from './watch/stream.ts';
import type { WorkloadWriter } from './workload-writer.ts';

/** Fastify, with types that follow from the routes' zod schemas. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  ZodTypeProvider
>;

/** What routes work with. */
export interface Deps {
  readonly store: Store;
  readonly view: View;
  readonly agents: Agents;
  readonly services: ServiceWriter;
  readonly containers: ContainerWriter;
  readonly workloads: WorkloadWriter;
  readonly images: ImageWriter;
  readonly policies: PolicyWriter;
  readonly nodes: NodeWriter;
  readonly network: NetworkWriter;
  readonly settings: SettingsWriter;
  readonly lastWords: LastWords;
  readonly streams: Streams;
  readonly chance: Chance;
}
