import type { PeerReport } from '@causeway/shared/model/node';
import type { EndpointView, NodeView, ServiceView } from '../api.ts';
import type { Client } from '../client/client.ts';
import type { Context } from '../context.ts';
import { parseSubject, type Subject, singular } from '../input/kinds.ts';
import { checkName } from '../input/name.ts';
import { stateText } from '../print/columns.ts';
import { describePolicy } from '../print/describe-policy.ts';
import { serviceFields } from '../print/describe-service.ts';
import { type Field, fieldsText } from '../print/fields.ts';
import { leadsNowhere, noEndpointsNote } from '../print/service.ts';

export function addDescribe(context: Context): void {
  context
    .command(context.program, 'describe', 'Show everything about one node, service or policy', [
      'svcctl describe service web',
      'svcctl describe node host-1',
      'svcctl describe policy db-only',
    ])
    .argument('<type>', 'node, service or policy')
    .argument('[name]', 'its name (or write both as service/web)')
    .action((type: string, name: string | undefined) =>
      describe(context, parseSubject(type, name, ['nodes', 'services', 'policies'])),
    );
}

async function describe(context: Context, { kind, name }: Subject): Promise<void> {
  const checked = checkName(`name of the ${singular(kind)}`, name ?? '');
  const client = context.client();
  if (kind === 'nodes') return describeNode(context, await client.get<NodeView>(`/v1/nodes/${checked}`));
  if (kind === 'policies') return describePolicy(context, client, checked);
  await describeService(context, client, checked);
}

function describeNode({ io }: Context, node: NodeView): void {
  const { report } = node;
  const fields: Field[] = [
    ['Name', node.name],
    ['State', stateText(node).replace(',', ', ')],
    ['Address', [node.publicIp, node.publicIpv6].flatMap((text) => text ?? [])],
    ['Addresses', node.addresses],
    ['Subnet', subnetsOf(node)],
    ['Reserved', node.reservations ?? []],
    ['Dataplane', node.dataplane],
    ['Version', node.version],
    ['Id', node.id],
  ];
  if (report === undefined) fields.push(['Report', 'none yet']);
  else
    fields.push(
      ['Reported', report.at],
      [
        'Services',
        `hold revision ${report.servicesRevision}, applied in ${Math.round(report.appliedInMs)} ms`,
      ],
      ['Policies', `hold revision ${report.policiesRevision ?? 'none'}`],
      ['Network', `holds revision ${report.networkRevision}`],
      ['Repairs', `${report.repairs} since the agent started`],
      [
        'Peers',
        [`${report.peersInstalled} of ${report.peersWanted} installed`, ...report.peers.map(peerLine)],
      ],
      ['Problems', report.problems],
    );
  io.out(fieldsText(fields));
}

function subnetsOf({ subnet, subnetIpv6 }: NodeView): readonly string[] {
  const held = [subnet, subnetIpv6].flatMap((text) => text ?? []);
  return held.length === 0 ? ['none: it waits for one'] : held;
}

/** `10.10.3.0/24 of host-3 via 192.168.122.13: failed: the reason` */
function peerLine({ subnet, node, publicIp, state, reason }: PeerReport): string {
  const who = node === undefined ? '' : ` of ${node}`;
  const via = publicIp === '' ? '' : ` via ${publicIp}`;
  return `${subnet}${who}${via}: ${state}${reason === undefined ? '' : `: ${reason}`}`;
}

async function describeService(context: Context, client: Client, name: string): Promise<void> {
  const [service, endpoints] = await Promise.all([
    client.get<ServiceView>(`/v1/services/${name}`),
    client.list<EndpointView>(`/v1/services/${name}/endpoints`),
  ]);
  context.io.out(fieldsText(serviceFields(service, endpoints.items)));
  if (endpoints.items.length === 0 && leadsNowhere(service)) context.note(noEndpointsNote(service, false));
}
