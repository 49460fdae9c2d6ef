import { type HealthRecord, healthId, type UnhealthyEndpoint } from '@causeway/shared/model/health';
import { expect, it } from 'vitest';
import { writtenRecord } from './record.ts';

/** @param portName longer where fewer are to fit */
function unhealthy(n: number, reason: string, portName = ''): readonly UnhealthyEndpoint[] {
  return Array.from({ length: n }, (_, i) => ({
    ...{ service: 'web', portName, address: `10.10.${i >> 8}.${i & 255}`, port: 80, reason },
  }));
}
const read = (all: readonly UnhealthyEndpoint[], healthy: readonly string[] = []) => {
  const { value, left } = writtenRecord({ node: 'host-1', unhealthy: all, healthy });
  const record: HealthRecord = JSON.parse(value);
  return { ...record, left, bytes: Buffer.byteLength(value) };
};
/** etcd's own limit for a request. */
const LIMIT = 1.5 * 1024 * 1024;

it('holds what was found, reasons cut', () => {
  const [short, long] = [unhealthy(2, 'refused'), unhealthy(1, 'x'.repeat(200))];
  expect(read(short, ['id'])).toMatchObject({ node: 'host-1', unhealthy: short, healthy: ['id'], left: 0 });
  expect(read(long).unhealthy[0]?.reason).toBe(`${'x'.repeat(120)}…`);
});

it('tells of all without their reasons, where these do not fit', () => {
  const all = unhealthy(6_000, '✗'.repeat(100));
  const { left, bytes, unhealthy: told } = read(all);
  expect([left, told.length, new Set(told.map(({ reason }) => reason)).size]).toEqual([0, 6_000, 1]);
  expect(bytes).toBeLessThan(LIMIT);
});

it('says of how many it does not tell, where not even their names fit', () => {
  const all = unhealthy(20_000, 'refused', 'a-long-name-of-a-port');
  const { left, bytes, unhealthy: told, healthy } = read(all, all.map(healthId));
  expect(left).toBeGreaterThan(0);
  expect([told.length + left, healthy]).toEqual([20_000, []]);
  expect(bytes).toBeLessThan(LIMIT);
});
