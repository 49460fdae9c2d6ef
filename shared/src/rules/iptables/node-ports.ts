import { chains } from '../names.ts';
import type { Part } from './part.ts';
import { match } from './services.ts';

/** A port on every address of the host (never a loopback one) → the service's own chain. */
export const nodePorts: Part = {
  jumps: [],

  chains: () => [],

  lists: () => [
    {
      table: 'nat',
      name: chains.nodePorts,
      entries: (all) =>
        all.flatMap((service) =>
          service.nodePort === undefined || service.endpoints.length === 0
            ? []
            : [`${match(service, service.nodePort)} -j ${chains.service(service)}`],
        ),
      tail: [],
    },
  ],

  ofService: () => [],
};
