import type { ContainerStatus } from '@causeway/shared/model/container';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import { afterEach, beforeEach } from 'vitest';
import {
  type Answer,
  endpointStates,
  type Rig,
  type RigOptions,
  refused,
  running,
  startRig,
} from './controller.ts';

/** A controller for each test of a file. */
export interface RigInUse {
  /** Of the test that runs. */
  readonly rig: Rig;
  /** Another one in its place. */
  restart(options: RigOptions): Promise<void>;
  /** Has something happen between what the next write has read and the write itself. */
  once(act: () => unknown): void;
}

export function useRig(options: RigOptions = {}): RigInUse {
  let rig: Rig;
  beforeEach(async () => {
    rig = await startRig(options);
  });
  afterEach(() => rig.close());
  return {
    get rig() {
      return rig;
    },
    restart: async (other) => {
      await rig.close();
      rig = await startRig(other);
    },
    once: (act) => {
      rig.store.beforeTransaction(async () => {
        rig.store.beforeTransaction(undefined);
        await act();
      });
    },
  };
}

/** What tests of containers do to the API: all are called `box`, and run on host-1, unless a change says otherwise. */
export function boxesOf(used: RigInUse) {
  const box = (changes: object = {}) => ({ name: 'box', host: 'host-1', command: ['httpd'], ...changes });
  return {
    box,
    create: (changes: object = {}) => used.rig.ask('POST', '/v1/containers', box(changes)),
    refusal: (changes: object) => refused(used.rig, 'POST', '/v1/containers', box(changes)),
    /** Its host says this of it. */
    tell: async (status: Partial<ContainerStatus> = {}): Promise<void> => {
      const told = { ...running('box', 'host-1', '10.10.1.9'), ...status };
      used.rig.store.put(keys.containerStatus('box'), encode(told));
      await used.rig.settled();
    },
  };
}

/** A controller as of `useRig`, of a network with both families, that has the image `web:2`. */
export function useRigWithImage(): RigInUse {
  const used = useRig({ wanted: { networkIpv6: 'fd00:10::/48' } });
  beforeEach(async () => {
    used.rig.store.put(keys.image('web:2'), encode(webImage('a')));
    await used.rig.settled();
  });
  return used;
}

/** The image `web:2`, one for each digit. */
export function webImage(digit: string) {
  return {
    ...{ name: 'web:2', digest: `sha256:${digit.repeat(64)}` },
    ...{ size: 5, createdAt: '2026-01-01T00:00:00Z' },
  };
}

/** What tests of endpoints do to the API: the service is called `s`, and answers at 2.2.2.2:80. */
export function serviceOf(used: RigInUse) {
  return {
    url: '/v1/services/s/endpoints',
    make: (body: object): Promise<Answer> =>
      used.rig.ask('PUT', '/v1/services/s', { vip: '2.2.2.2', ports: [{ port: 80 }], ...body }),
    states: () => endpointStates(used.rig, 's'),
  };
}
