import type { Section } from '../story.ts';
import { attached } from './attached.ts';
import { cleanup } from './cleanup.ts';
import { clients } from './clients.ts';
import { containers } from './containers.ts';
import { drift } from './drift.ts';
import { endpoints } from './endpoints.ts';
import { filtered } from './filtered.ts';
import { hairpin } from './hairpin.ts';
import { hosts } from './hosts.ts';
import { internet } from './internet.ts';
import { noEndpoints } from './no-endpoints.ts';
import { own } from './own.ts';
import { published } from './published.ts';
import { service } from './service.ts';
import { spread } from './spread.ts';
import { stopped } from './stopped.ts';

/** The story in its order: later sections use what earlier ones made (the service of `service`). */
export const sections: readonly Section[] = [
  containers,
  hosts,
  internet,
  service,
  spread,
  hairpin,
  noEndpoints,
  endpoints,
  clients,
  own,
  published,
  filtered,
  attached,
  stopped,
  drift,
  cleanup,
];
