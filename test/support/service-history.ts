import type { Lab } from '@causeway/lab/lab';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { Endpoint, EndpointSet } from '@causeway/shared/model/endpoint';
import type { ServiceSpec } from '@causeway/shared/model/service';
import { bitsOf } from '@causeway/shared/net/block';
import type { Family } from '@causeway/shared/net/family';
import { keys } from '@causeway/shared/store/keys';
import { put, revision } from './etcd-keys.ts';
import { type Fronts, placeText, sharesText } from './fronts.ts';

/** One host's packet filter in one family. */
export interface Filter {
  readonly host: string;
  readonly family: Family;
  readonly dataplane: Dataplane;
}

/** A service as etcd had it. */
export interface Stored {
  readonly spec?: ServiceSpec;
  readonly set?: EndpointSet;
}

/** What one revision of etcd changed of services. */
export interface Revision {
  readonly revision: number;
  readonly services: ReadonlyMap<string, Stored>;
}

interface Event {
  readonly type?: 'DELETE';
  readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: string };
}

/**
 * All revisions of etcd that changed a service, as etcd itself tells them, so that none is missing, whoever was away
 * meanwhile. It needs an etcd that nobody compacts.
 */
export interface History {
  readonly revisions: readonly Revision[];
  /** As it is by the last revision. */
  readonly services: ReadonlyMap<string, Stored>;
  /** Reads on to the present revision. */
  follow(): Promise<void>;
}

export async function openHistory(lab: Lab): Promise<History> {
  const revisions: Revision[] = [];
  const services = new Map<string, Stored>();
  let next = 1;
  const take = (events: readonly Event[]) => {
    let last: Map<string, Stored> | undefined;
    for (const { type, kv } of events) {
      const key = Buffer.from(kv.key, 'base64').toString();
      if (!key.startsWith(keys.servicePrefix)) continue;
      const [name = '', part = ''] = key.slice(keys.servicePrefix.length).split('/');
      const value =
        type === 'DELETE' ? undefined : JSON.parse(Buffer.from(kv.value ?? '', 'base64').toString());
      const stored = { ...services.get(name), [part === 'spec' ? 'spec' : 'set']: value };
      services.set(name, stored);
      if (last === undefined || revisions.at(-1)?.revision !== Number(kv.mod_revision)) {
        last = new Map();
        revisions.push({ revision: Number(kv.mod_revision), services: last });
      }
      last.set(name, stored);
    }
  };
  const follow = async () => {
    const end = Number(await revision(lab)) + 1;
    await put(lab, '/test/mark', String(end));
    take(await eventsBetween(lab, next));
    next = end + 1;
  };
  await follow();
  return { revisions, services, follow };
}

/** Everything from this revision on, until the mark that was set last. */
function eventsBetween(lab: Lab, from: number): Promise<readonly Event[]> {
  const all = { key: 'AA==', range_end: 'AA==', start_revision: from };
  const url = `${lab.etcd.split(',')[0]}/v3/watch`;
  const child = lab.spawn('client', ['curl', '-sSN', url, '-d', JSON.stringify({ create_request: all })]);
  return new Promise((resolve, reject) => {
    const events: Event[] = [];
    let rest = '';
    child.stdout.setEncoding('utf8');
    child.stdout.on('data', (chunk: string) => {
      const lines = `${rest}${chunk}`.split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const { result } = JSON.parse(line) as { result?: { events?: Event[] } };
        events.push(...(result?.events ?? []));
      }
      if (events.some(isMark)) {
        resolve(events);
        child.kill();
      }
    });
    child.on('exit', () => reject(new Error('the history of etcd has ended before its mark')));
  });
}

const MARK = Buffer.from('/test/mark').toString('base64');
const isMark = ({ kv }: Event) => kv.key === MARK;

/** What a packet filter should do with connections to one service. */
export function frontsOf({ spec, set }: Stored, { host, family, dataplane }: Filter): Fronts {
  const fronts = new Map<string, string>();
  const vip = spec?.vips.find((one) => familyOf(one) === family);
  if (spec === undefined || (vip === undefined && (spec.vips.length > 0 || !spec.families.includes(family))))
    return fronts;
  const isNft = dataplane === 'nftables';
  if (vip !== undefined && isNft) fronts.set(`live ${vip}`, '');
  for (const { name, protocol, port, nodePort } of spec.ports) {
    const places = (set?.endpoints ?? []).filter(
      (one) => one.portName === name && familyOf(one.address) === family,
    );
    const all = textOf(taking(places, spec), spec);
    const here = textOf(
      taking(
        places.filter(({ node }) => node === host),
        spec,
      ),
      spec,
    );
    const internal = spec.internalPolicy === 'local' ? (here ?? 'drop') : all;
    const isUsed = (text: string | undefined) => all !== undefined && (isNft || text !== 'drop');
    if (vip !== undefined && isUsed(internal)) fronts.set(`vip ${vip} ${protocol} ${port}`, internal ?? '');
    if (nodePort !== undefined && all !== undefined) {
      fronts.set(`node ${protocol} ${nodePort}`, all);
      if (spec.externalPolicy === 'local') fronts.set(`outside ${protocol} ${nodePort}`, here ?? 'drop');
    } else if (nodePort !== undefined && isNft) fronts.set(`idle ${protocol} ${nodePort}`, '');
    if (spec.sourceRanges === undefined || !isNft) continue;
    const ranges = spec.sourceRanges.filter((one) => familyOf(one) === family).map(asListed);
    if (vip !== undefined) fronts.set(`only vip ${vip} ${protocol} ${port}`, ranges.sort().join(' '));
    if (nodePort !== undefined) fronts.set(`only node ${protocol} ${nodePort}`, ranges.sort().join(' '));
  }
  return fronts;
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}

function asListed(range: string): string {
  const [address = '', length] = range.split('/');
  return Number(length) === bitsOf(familyOf(range)) ? address : range;
}

function taking(places: readonly Endpoint[], spec: ServiceSpec): readonly Endpoint[] {
  const weighty = places.filter(({ weight = 1 }) => weight > 0);
  const within = (state: string) => weighty.filter((one) => (one.state ?? 'ready') === state);
  if (spec.publishNotReady === true) return [...within('ready'), ...within('draining'), ...within('unready')];
  const stages = spec.whenUnhealthy === 'open' ? ['ready', 'draining', 'unready'] : ['ready', 'draining'];
  return stages.map(within).find((found) => found.length > 0) ?? [];
}

/** Undefined: connections are refused. */
function textOf(places: readonly Endpoint[], spec: ServiceSpec): string | undefined {
  if (places.length === 0) return undefined;
  const shares = places.map(({ address, port, weight = 1 }) => ({ place: placeText(address, port), weight }));
  return sharesText(shares, spec.affinity === 'client');
}
