import { CausewayError, show } from '../errors.ts';
import { formatCidr, parseAddress, parseCidr } from '../net/cidr.ts';

/**
 * The last gate before a rule language: every value that enters a rule passes one of these, whatever the
 * API or etcd let through. They throw CausewayError `internal`, since a bad value here is our own fault.
 */
export const safe = { address, cidr, port, protocol, mark, id };

function address(value: string): string {
  // Values may come from JSON, so a type is no promise.
  const parsed = typeof value === 'string' ? parseAddress(value) : undefined;
  if (parsed === undefined) throw refused('address', value, 'is no IPv4 address');
  return value;
}

/** @returns the block with its host bits zero, as the kernel lists it. */
function cidr(value: string): string {
  const parsed = typeof value === 'string' ? parseCidr(value) : undefined;
  if (parsed === undefined) throw refused('network', value, 'is no IPv4 CIDR');
  return formatCidr(parsed);
}

function port(value: number): number {
  if (!Number.isInteger(value) || value < 1 || value > 65535)
    throw refused('port', value, 'is not in 1-65535');
  return value;
}

function protocol(value: string): string {
  if (value !== 'tcp' && value !== 'udp' && value !== 'sctp')
    throw refused('protocol', value, 'is none of tcp, udp, sctp');
  return value;
}

/** @returns `0x2000` */
function mark(value: number): string {
  const bit = value >>> 0;
  if (bit !== value || bit === 0 || (bit & (bit - 1)) >>> 0 !== 0)
    throw refused('mark', value, 'is not one bit of 32');
  return `0x${bit.toString(16)}`;
}

/** A service's id; it appears in comments only. */
function id(value: string): string {
  if (typeof value !== 'string' || !/^[a-z0-9:-]{1,127}$/.test(value))
    throw refused('service id', value, 'holds more than a-z, 0-9, - and :');
  return value;
}

function refused(field: string, value: unknown, reason: string): CausewayError {
  return new CausewayError('internal', `rendering rules: ${field} ${show(value)} ${reason}`, {
    field,
    value,
  });
}
