import { parseCidr } from '@causeway/shared/net/cidr';
import { expect, it } from 'vitest';
import type { ClusterFacts } from './cluster-facts.ts';
import { checkEndpointRef } from './endpoint-ref.ts';

const block = parseCidr('10.10.0.0/16') ?? { base: 0, length: 0 };
const facts: ClusterFacts = {
  ...{ network: block, serviceRange: block, nodePortMin: 30000, nodePortMax: 32767 },
  vipOwner: () => undefined,
  nodePortOwner: () => undefined,
  hostOf: () => undefined,
  serviceWithEndpointAt: () => undefined,
  hasContainer: () => true,
  hosts: () => [],
};

it.each(['10.10.1.2:80\nflush ruleset', 'web-1:1\u001b[31m', '10.10.1.2:"; drop'])(
  'repeats %j escaped, in one line',
  (text) => {
    const refused = () => checkEndpointRef('to', text, { ports: [{ port: 80 }] }, facts);
    const port = JSON.stringify(text.slice(text.indexOf(':') + 1));
    expect(refused).toThrow(`has the port ${port}, which is not a whole number from 1 to 65535`);
    expect(refused).not.toThrow(/\p{Cc}/u);
  },
);
