import { createHash } from 'node:crypto';
import type { Family } from '../net/family.ts';

/** Bits of a link-layer address's first byte: one host (not a group), and not from a manufacturer. */
const GROUP = 0x01;
const LOCAL = 0x02;

/**
 * The link-layer address of a host's tunnel device, made from what identifies it, so that a device that has to be
 * built again is the one that its peers know, and a lease can be written before there is a device.
 *
 * @param nodeId the host's stable id
 * @param vni the VXLAN network, 0 to 16777215
 * @returns lower case with colons, locally administered, unicast: `d2:8e:30:1f:aa:05`
 */
export function vtepMac(nodeId: string, vni: number, family: Family): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([nodeId, vni, family]))
    .digest();
  const bytes = [...digest.subarray(0, 6)];
  bytes[0] = ((bytes[0] ?? 0) & ~GROUP) | LOCAL;
  return bytes.map((byte) => byte.toString(16).padStart(2, '0')).join(':');
}
