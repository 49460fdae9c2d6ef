import { invalid } from '@causeway/shared/errors';
import type { Workload } from '@causeway/shared/model/workload';
import type { ParsedWorkloadInput } from '@causeway/shared/model/workload-input';
import { formatIp } from '@causeway/shared/net/block';
import { FAMILY_NAMES, type Family } from '@causeway/shared/net/family';
import { unicastAddress } from './address.ts';
import type { ClusterFacts } from './cluster-facts.ts';
import { nameTaken } from './container.ts';
import { checkPlace } from './place.ts';

/**
 * Checks a workload that the user registers.
 *
 * @throws CausewayError `invalid`, or `conflict` when a container has the name
 */
export function checkWorkload(input: ParsedWorkloadInput, facts: ClusterFacts): Workload {
  if (facts.hasContainer(input.name)) throw nameTaken(input.name, 'container');
  const seen = new Set<Family>();
  const addresses = input.addresses.map((text, index) => {
    const field = `addresses[${index}]`;
    const ip = unicastAddress(field, text, text, 'is not an address such as "203.0.113.8" or "fd00::8"');
    if (seen.has(ip.family))
      throw invalid(
        field,
        text,
        `is a second ${FAMILY_NAMES[ip.family]} address: a workload has one of each family`,
      );
    seen.add(ip.family);
    checkPlace(field, text, ip, facts);
    return formatIp(ip);
  });
  return { name: input.name, addresses, labels: input.labels };
}
