import { CausewayError, invalid } from '@causeway/shared/errors';
import type {
  NetworkPolicy,
  PolicyPorts,
  PolicyRule,
  PolicySide,
} from '@causeway/shared/model/network-policy';
import type {
  ParsedNetworkPolicyInput,
  ParsedPolicyRule,
  ParsedPolicySide,
} from '@causeway/shared/model/network-policy-input';
import { bitsOf, blockAt, formatBlock, isMapped, parseBlock, parseIp } from '@causeway/shared/net/block';

/** Most bytes of a policy; etcd takes 1.5 MB in one request, and whom it means goes with it. */
const MAX_BYTES = 700_000;

/**
 * Checks a policy that the user makes, and puts it as it is stored: CIDRs canonical, nothing that says nothing. Whether the
 * names in it exist is no matter of right or wrong: a policy may be there before its containers.
 *
 * @throws CausewayError `invalid`
 */
export function checkPolicy(input: ParsedNetworkPolicyInput): NetworkPolicy {
  const { name, subjects, ingress, egress } = input;
  if (ingress === undefined && egress === undefined)
    throw new CausewayError(
      'invalid',
      'ingress is missing, and egress, too: a policy without both says nothing',
      {
        field: 'ingress',
      },
    );
  const policy: NetworkPolicy = {
    name,
    subjects: {
      ...(subjects.containers === undefined ? {} : { containers: subjects.containers }),
      ...(subjects.labels === undefined ? {} : { labels: subjects.labels }),
    },
    ...(ingress === undefined ? {} : { ingress: checkSide('ingress', ingress) }),
    ...(egress === undefined ? {} : { egress: checkSide('egress', egress) }),
  };
  const bytes = Buffer.byteLength(JSON.stringify(policy));
  if (bytes > MAX_BYTES)
    throw new CausewayError(
      'invalid',
      `policy "${name}" has ${bytes} bytes, and at most ${MAX_BYTES} fit: part it into several`,
      { field: 'ingress', value: bytes },
    );
  return policy;
}

function checkSide(side: string, { default: otherwise, rules }: ParsedPolicySide): PolicySide {
  return {
    ...(otherwise === 'allow' ? {} : { default: otherwise }),
    rules: rules.map((rule, index) => checkRule(`${side}.rules[${index}]`, rule)),
  };
}

function checkRule(field: string, { action, peers, ports, limit }: ParsedPolicyRule): PolicyRule {
  if (limit !== undefined && action === 'deny')
    throw invalid(`${field}.limit`, limit, 'is of a rule that denies: only "allow" can have a limit');
  const cidrs = peers?.cidrs?.map((text, index) => checkCidr(`${field}.peers.cidrs[${index}]`, text));
  return {
    action,
    ...(peers === undefined
      ? {}
      : {
          peers: {
            ...(cidrs === undefined ? {} : { cidrs: [...new Set(cidrs)] }),
            ...(peers.containers === undefined ? {} : { containers: [...new Set(peers.containers)] }),
            ...(peers.labels === undefined ? {} : { labels: peers.labels }),
          },
        }),
    ...(ports === undefined
      ? {}
      : { ports: ports.map((one, index) => checkPorts(`${field}.ports[${index}]`, one)) }),
    ...(limit === undefined ? {} : { limit: { ...limit, burst: limit.burst ?? limit.connections } }),
  };
}

/** One address is a network of its own. */
function checkCidr(field: string, text: string): string {
  const ip = parseIp(text);
  const block = ip === undefined ? parseBlock(text) : blockAt(ip, bitsOf(ip.family));
  if (block === undefined)
    throw invalid(field, text, 'is not an address or a network such as "203.0.113.0/24"');
  if (isMapped({ family: block.family, value: block.base }))
    throw invalid(field, text, 'is IPv4 in the words of IPv6: write it as IPv4');
  return formatBlock(block);
}

function checkPorts(
  field: string,
  { protocol, port, endPort }: NonNullable<ParsedPolicyRule['ports']>[number],
): PolicyPorts {
  if (endPort === undefined) return { protocol, ...(port === undefined ? {} : { port }) };
  if (port === undefined)
    throw invalid(`${field}.endPort`, endPort, 'ends a range that has no "port" to begin with');
  if (endPort < port) throw invalid(`${field}.endPort`, endPort, `is below the range's first port, ${port}`);
  return { protocol, port, endPort };
}
