import { encode } from '@causeway/shared/store/codec';
import { encodeLease } from '@causeway/shared/store/codec-flannel';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, LeaseHandle, Write } from '@causeway/shared/store/store';
import { expect } from 'vitest';
import { host } from './controller.ts';
import type { Controllers } from './controllers.ts';

/** A host's place, as its agent writes it: all of it in one transaction, guarded as an agent's. */
export function placeOf(
  number: number,
  subnet = `10.10.${number}.0/24`,
  owned?: LeaseHandle,
): [Guard[], Write[]] {
  const { name, id, ipv4 } = host(number);
  const on = owned === undefined ? {} : { lease: owned };
  const publicIp = ipv4?.publicIp ?? '';
  const lease = encodeLease({ ipv4: { subnet, publicIp }, backendType: 'host-gw', node: { id, name } });
  return [
    [
      { key: keys.claim(subnet), absent: true },
      { key: keys.reservation(subnet), absent: true },
    ],
    [
      { put: keys.subnet({ ipv4: subnet }), value: lease, ...on },
      { put: keys.claim(subnet), value: id, ...on },
      { put: keys.node(name), value: encode(host(number)), ...on },
    ],
  ];
}

export async function join({ at, all }: Controllers, number: number): Promise<void> {
  const { store } = at(0);
  const [guards, writes] = placeOf(number);
  const { name, id } = host(number);
  const alive = { put: keys.alive(name), value: encode({ id, instance: 'one' }) };
  const { ok, revision } = await store.transaction(guards, [...writes, alive]);
  expect(ok).toBe(true);
  await Promise.all(all.map(({ view }) => view.reached('causeway', revision, 5_000)));
}

/** Sends a request to one of the controllers. */
export async function ask(
  { at }: Controllers,
  index: number,
  method: 'GET' | 'POST' | 'PATCH',
  url: string,
  payload?: object,
) {
  const reply = await at(index).app.inject({ method, url, ...(payload === undefined ? {} : { payload }) });
  return { status: reply.statusCode, body: reply.json() };
}
