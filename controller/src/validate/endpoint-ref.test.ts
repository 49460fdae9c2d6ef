import { expect, it } from 'vitest';
import { EMPTY_CLUSTER } from '../../../test/support/cluster-facts.ts';
import { checkEndpointRef } from './endpoint-ref.ts';

it.each(['10.10.1.2:80\nflush ruleset', 'web-1:1\u001b[31m', '10.10.1.2:"; drop'])(
  'repeats %j escaped, in one line',
  (text) => {
    const refused = () =>
      checkEndpointRef(
        'to',
        text,
        { vips: [], families: ['ipv4'], ports: [{ port: 80 }] },
        EMPTY_CLUSTER,
        new Set(),
      );
    const port = JSON.stringify(text.slice(text.indexOf(':') + 1));
    expect(refused).toThrow(`has the port ${port}, which is not a whole number from 1 to 65535`);
    expect(refused).not.toThrow(/\p{Cc}/u);
  },
);
