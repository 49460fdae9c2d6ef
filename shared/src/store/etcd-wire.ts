import type { Guard, KeyValue, Write } from './store.ts';

/** The parts of etcd's messages that we read, as etcd3 decodes them: 64-bit numbers arrive as text. */
export interface WireKeyValue {
  readonly key: Buffer;
  readonly value: Buffer;
  readonly create_revision: string;
  readonly mod_revision: string;
  readonly lease: string;
}

export interface WireEvent {
  readonly type: 'Put' | 'Delete' | number;
  readonly kv: WireKeyValue;
}

export interface WatchResponse {
  readonly header: { readonly revision: string };
  readonly created: boolean;
  readonly canceled: boolean;
  readonly compact_revision: string;
  readonly cancel_reason: string;
  /** More of the same revision follows. */
  readonly fragment?: boolean;
  readonly events: readonly WireEvent[];
}

/** A two-way gRPC stream, as far as we use it. */
export interface WireStream {
  write(message: unknown): unknown;
  on(event: 'data' | 'error' | 'end', handler: (argument: unknown) => void): unknown;
  cancel(): void;
}

export function toKeyValue(kv: WireKeyValue): KeyValue {
  return {
    key: kv.key.toString(),
    value: kv.value.toString(),
    modRevision: Number(kv.mod_revision),
    createRevision: Number(kv.create_revision),
    leaseId: kv.lease,
  };
}

/** @returns the first key after all keys that start with `prefix`. */
export function rangeEnd(prefix: string): Buffer {
  const end = Buffer.from(prefix);
  for (let i = end.length - 1; i >= 0; i--) {
    const byte = end[i] ?? 0xff;
    if (byte < 0xff) {
      end[i] = byte + 1;
      return end.subarray(0, i + 1);
    }
  }
  return Buffer.from([0]);
}

export function toCompare(guard: Guard) {
  const key = Buffer.from(guard.key);
  if ('absent' in guard) return { key, target: 'Version' as const, result: 'Equal' as const, version: 0 };
  if ('present' in guard) return { key, target: 'Version' as const, result: 'Greater' as const, version: 0 };
  if ('modRevision' in guard)
    return { key, target: 'Mod' as const, result: 'Equal' as const, mod_revision: guard.modRevision };
  return { key, target: 'Value' as const, result: 'Equal' as const, value: Buffer.from(guard.value) };
}

export function toRequest(write: Write) {
  if ('delete' in write) return { request_delete_range: { key: Buffer.from(write.delete) } };
  const lease = write.lease === undefined ? {} : { lease: write.lease.id };
  return { request_put: { key: Buffer.from(write.put), value: Buffer.from(write.value), ...lease } };
}
