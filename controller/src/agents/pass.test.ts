import { once } from 'node:events';
import { Duplex } from 'node:stream';
import { expect, it } from 'vitest';
import { passOn } from './pass.ts';

function silent(): Duplex {
  return new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
}

it('ends the connection to an agent whose caller has gone while it was asked', async () => {
  const [client, agent] = [silent(), silent()];
  client.destroy();
  await once(client, 'close');
  passOn({ socket: client, head: Buffer.alloc(0) }, { socket: agent, head: Buffer.alloc(0), headers: {} });
  expect(agent.destroyed).toBe(true);
});

it('ends one connection with the other', async () => {
  for (const [first, second] of [
    ['client', 'agent'],
    ['agent', 'client'],
  ] as const) {
    const ends = { client: silent(), agent: silent() };
    passOn(
      { socket: ends.client, head: Buffer.alloc(0) },
      { socket: ends.agent, head: Buffer.alloc(0), headers: {} },
    );
    ends[first].destroy();
    await once(ends[second], 'close');
    expect(ends[second].destroyed).toBe(true);
  }
});
