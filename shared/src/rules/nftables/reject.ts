import type { Family } from '../../net/family.ts';
import { safe } from '../safe.ts';
import { isNodePortAddress, NODE_PORT_KEY, nodePortOf } from './node-ports.ts';
import type { Part, Rule } from './part.ts';
import { WORDS } from './words.ts';

/**
 * What is refused. These chains come after the translation (priority 0 after -100), so a packet that still
 * carries a VIP has found no endpoint. A live VIP refuses at once, an address that no service has is dropped.
 */
export const reject: Part = {
  maps: ({ family }) => [
    { name: 'vips', kind: 'set', spec: `type ${WORDS[family].addressType}` },
    { name: 'idle-node-ports', kind: 'set', spec: 'type inet_proto . inet_service' },
  ],

  chains: (intent) => [
    {
      name: 'input',
      hook: { type: 'filter', hook: 'input', priority: 0 },
      rules: [
        // A program of the host may hold such a port, or an administrator a VIP; what it has open goes on.
        { text: 'ct state != new accept', why: 'only new connections are refused' },
        {
          text: `${isNodePortAddress(intent)} ${NODE_PORT_KEY} @idle-node-ports goto refuse`,
          why: 'a NodePort whose service has no endpoint',
        },
        { text: 'jump refuse-vips', why: 'a VIP that is an address of this host' },
      ],
    },
    {
      name: 'local-output',
      hook: { type: 'filter', hook: 'output', priority: 0 },
      rules: [
        { text: 'ct state != new accept', why: 'only new connections are refused' },
        { text: 'jump refuse-vips', why: 'still for a VIP: no service has this port' },
      ],
    },
    {
      name: 'refuse-vips',
      rules: [
        { text: `${WORDS[intent.family].ip} daddr @vips goto refuse`, why: 'a live VIP' },
        ...(intent.serviceRange === undefined
          ? []
          : [
              {
                text: `${WORDS[intent.family].ip} daddr ${safe.cidr(intent.serviceRange, intent.family)} drop`,
                why: 'an address that no service has',
              },
            ]),
      ],
    },
    { name: 'refuse', rules: refusals(intent.family) },
  ],

  elements(service, family) {
    return [
      ...(service.vip === undefined ? [] : [{ map: 'vips', key: safe.address(service.vip, family) }]),
      ...(service.nodePort === undefined || service.endpoints.length > 0
        ? []
        : [{ map: 'idle-node-ports', key: nodePortOf(service) }]),
    ];
  },
};

function refusals(family: Family): readonly Rule[] {
  return [
    { text: 'meta l4proto tcp reject with tcp reset', why: 'connection refused' },
    { text: WORDS[family].reject, why: 'connection refused' },
  ];
}
