import type { Workload } from '@causeway/shared/model/workload';
import { encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { KeyValue } from '@causeway/shared/store/store';
import { expect, it } from 'vitest';
import { TableSet } from './table-set.ts';

const KEY = keys.workload('db');
const PREFIX = KEY.slice(0, -'db'.length);

function stored(address: string, modRevision: number): KeyValue {
  const workload: Workload = { name: 'db', addresses: [address], labels: {} };
  return { key: KEY, value: encode(workload), createRevision: 5, modRevision, leaseId: '0' };
}

it('goes by what a key holds, and not by its revision alone, when etcd was put back from a backup', () => {
  const tables = new TableSet();
  const list = (item: KeyValue) =>
    tables.apply(PREFIX, { items: new Map([[KEY, item]]), revision: item.modRevision });
  const one = stored('10.0.0.1', 7);
  expect(list(one)).toHaveLength(1);
  expect(list(one)).toEqual([]);
  expect(list(stored('10.0.0.2', 7))).toHaveLength(1);
  expect(tables.rows.workload.get('db')?.value.addresses).toEqual(['10.0.0.2']);
});
