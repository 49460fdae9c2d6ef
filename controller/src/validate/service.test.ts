import { serviceInputSchema } from '@causeway/shared/model/service-input';
import { expect, it } from 'vitest';
import { EMPTY_CLUSTER } from '../../../test/support/cluster-facts.ts';
import { checkService } from './service.ts';

function check(ports: number, endpoints: number): void {
  const input = {
    ports: Array.from({ length: ports }, (_, index) => ({ port: index + 1 })),
    endpoints: Array.from({ length: endpoints }, (_, index) => `10.10.${index >> 8}.${(index & 255) + 1}`),
  };
  checkService(serviceInputSchema.parse(input), EMPTY_CLUSTER, undefined);
}

it('refuses more places than one value in etcd can hold', () => {
  expect(() => check(50, 81)).toThrow(
    'endpoints 4050 is too much: 81 for each of 50 ports, and a service has at most 4000 in all',
  );
});

it.each([
  [50, 80],
  [4, 250],
])('takes %i ports with %i endpoints', (ports, endpoints) => {
  expect(() => check(ports, endpoints)).not.toThrow();
});
