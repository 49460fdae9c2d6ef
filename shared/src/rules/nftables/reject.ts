import { safe } from '../safe.ts';
import type { Part, Rule } from './part.ts';

/**
 * What is refused. These chains come after the translation (priority 0 after -100), so a packet that still
 * carries a VIP has found no endpoint. A live VIP refuses at once, an address that no service has is dropped.
 */
export const reject: Part = {
  maps: () => [
    { name: 'vips', kind: 'set', spec: 'type ipv4_addr' },
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
          text: 'ip daddr != 127.0.0.0/8 meta l4proto . th dport @idle-node-ports goto refuse',
          why: 'a NodePort whose service has no endpoint',
        },
        { text: 'jump refuse-vips', why: 'a VIP that is an address of this host' },
      ],
    },
    {
      name: 'local-output',
      hook: { type: 'filter', hook: 'output', priority: 0 },
      rules: [{ text: 'jump refuse-vips', why: 'still for a VIP: no service has this port' }],
    },
    {
      name: 'refuse-vips',
      rules: [
        { text: 'ip daddr @vips goto refuse', why: 'a live VIP' },
        ...(intent.serviceRange === undefined
          ? []
          : [
              {
                text: `ip daddr ${safe.cidr(intent.serviceRange)} drop`,
                why: 'an address that no service has',
              },
            ]),
      ],
    },
    { name: 'refuse', rules: refusals },
  ],

  elements(service) {
    return [
      ...(service.vip === undefined ? [] : [{ map: 'vips', key: safe.address(service.vip) }]),
      ...(service.nodePort === undefined || service.endpoints.length > 0
        ? []
        : [
            {
              map: 'idle-node-ports',
              key: `${safe.protocol(service.protocol)} . ${safe.port(service.nodePort)}`,
            },
          ]),
    ];
  },
};

const refusals: readonly Rule[] = [
  { text: 'meta l4proto tcp reject with tcp reset', why: 'connection refused' },
  { text: 'reject with icmp type port-unreachable', why: 'connection refused' },
];
