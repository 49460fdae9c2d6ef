import { afterEach, beforeEach } from 'vitest';
import { Client } from '../client/client.ts';
import { parseServer } from '../client/discover.ts';
import { FakeController } from './fake-controller.ts';

/** A fake controller, and a client of it, for each test of a file. */
export function useClient(): { readonly controller: FakeController; readonly client: Client } {
  const controller = new FakeController();
  let client: Client | undefined;
  beforeEach(async () => {
    client = new Client(parseServer('server', await controller.start()));
  });
  afterEach(() => controller.stop());
  return {
    controller,
    get client() {
      if (client === undefined) throw new Error('no test runs');
      return client;
    },
  };
}
