import type { HealthRecord, UnhealthyEndpoint } from '@causeway/shared/model/health';
import { encode } from '@causeway/shared/store/codec';

/** A record as it is written into etcd. */
export interface WrittenRecord {
  readonly value: string;
  /** How many unhealthy endpoints it says nothing of. */
  readonly left: number;
}

/** Longest reason, characters. */
const MAX_REASON = 120;
/** etcd takes 1.5 MiB with all that is around it. */
const MAX_BYTES = 1_000_000;
/** The reason where there is no room for so many. */
const ANY_REASON = 'its health check fails';

/** What fits into one value of etcd: whole reasons, or else one for all, or else not all of the endpoints. Pure. */
export function writtenRecord({ node, unhealthy, healthy = [] }: HealthRecord): WrittenRecord {
  const told = unhealthy.map((one) => ({ ...one, reason: shortened(one.reason) }));
  const whole = encode({ node, unhealthy: told, healthy });
  if (Buffer.byteLength(whole) <= MAX_BYTES) return { value: whole, left: 0 };
  let bytes = Buffer.byteLength(encode({ node, unhealthy: [], healthy: [] }));
  const fits = (one: unknown) => {
    bytes += Buffer.byteLength(JSON.stringify(one)) + 1;
    return bytes <= MAX_BYTES;
  };
  const brief = unhealthy.map((one): UnhealthyEndpoint => ({ ...one, reason: ANY_REASON })).filter(fits);
  const value = encode({ node, unhealthy: brief, healthy: healthy.filter(fits) });
  return { value, left: unhealthy.length - brief.length };
}

function shortened(reason: string): string {
  return reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason;
}
