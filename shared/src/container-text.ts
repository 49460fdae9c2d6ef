/** Words of containers that svcctl needs as well, which knows the types of the model and none of its values. */
export const ATTACH_KINDS = ['docker', 'containerd', 'pid', 'netns'] as const;
export const RESTART_POLICIES = ['always', 'on-failure', 'no'] as const;
/** Always there, made on each host from its own static busybox. */
export const BUILT_IN_IMAGE = 'busybox';
const PROTOCOLS = ['tcp', 'udp', 'sctp'] as const;

/**
 * The short forms in which people write parts of a container: `8080:80`, `/srv/www:/www:ro`, `docker:web`. What they
 * name is checked by the controller.
 */

export const PUBLISH_ERROR =
  'is not a published port: text such as "8080:80", "192.168.122.11:8080:80", "[fd00::11]:8080:80" or "53:53/udp" is needed';
export const MOUNT_ERROR = 'is not a mount: text such as "/srv/www:/www" or "/srv/www:/www:ro" is needed';
export const ATTACH_ERROR =
  'is not a container of others: "docker:NAME", "containerd:ID", "pid:PID" or "netns:PATH" is needed';
export const NETWORK_ERROR =
  'is not a network mode: "bridge", "host", "none", "container:NAME", "macvlan:LINK" or "p2p:NAME" is needed';

const PUBLISH = /^(?:(\[[^[\]]*\]|[^:[\]]*):)?(\d{1,5}):(\d{1,5})(?:\/([a-z]+))?$/;

/** As `PublishedPort`, `BindMount` and `AttachTarget` of the model. */
interface Published {
  readonly address?: string;
  readonly hostPort: number;
  readonly containerPort: number;
  readonly protocol: (typeof PROTOCOLS)[number];
}

interface Mount {
  readonly source: string;
  readonly destination: string;
  readonly readOnly?: boolean;
}

interface Target {
  readonly kind: (typeof ATTACH_KINDS)[number];
  readonly id: string;
}

/** Takes `[ADDRESS:]PORT:PORT[/PROTOCOL]` apart. @returns undefined when it has another form */
export function parsePublishText(text: string): Published | undefined {
  const [, address, host, container, protocol = 'tcp'] = PUBLISH.exec(text) ?? [];
  const [hostPort, containerPort] = [portOf(host), portOf(container)];
  const known = PROTOCOLS.find((one) => one === protocol);
  if (hostPort === undefined || containerPort === undefined || known === undefined) return undefined;
  const of = { hostPort, containerPort, protocol: known };
  return address === undefined ? of : { address: address.replace(/^\[|\]$/g, ''), ...of };
}

/** As it is written: the other way round. */
export function publishText({ address, hostPort, containerPort, protocol }: Published): string {
  const at = address === undefined ? '' : `${address.includes(':') ? `[${address}]` : address}:`;
  return `${at}${hostPort}:${containerPort}${protocol === 'tcp' ? '' : `/${protocol}`}`;
}

/** Takes `SOURCE:DESTINATION[:ro|rw]` apart. @returns undefined when it has another form */
export function parseMountText(text: string): Mount | undefined {
  const [source, destination, mode, ...rest] = text.split(':');
  if (!source || !destination || rest.length > 0) return undefined;
  if (mode !== undefined && mode !== 'ro' && mode !== 'rw') return undefined;
  return { source, destination, ...(mode === 'ro' ? { readOnly: true } : {}) };
}

/** Takes `docker:NAME` and its like apart. @returns undefined when it has another form */
export function parseAttachText(text: string): Target | undefined {
  const colon = text.indexOf(':');
  const kind = ATTACH_KINDS.find((one) => one === text.slice(0, colon));
  const id = text.slice(colon + 1);
  return kind === undefined || id === '' ? undefined : { kind, id };
}

/** A mode as far as its short form says it: the rest are addresses. */
export type NetworkText =
  | { readonly kind: 'bridge' | 'host' | 'none' }
  | { readonly kind: 'container'; readonly container: string }
  | { readonly kind: 'macvlan'; readonly device: string }
  | { readonly kind: 'p2p'; readonly peer: string };

/** Takes `host`, `container:NAME` and their like apart. @returns undefined when it has another form */
export function parseNetworkText(text: string): NetworkText | undefined {
  const colon = text.indexOf(':');
  const [kind, of] = colon < 0 ? [text, undefined] : [text.slice(0, colon), text.slice(colon + 1)];
  if (kind === 'bridge' || kind === 'host' || kind === 'none') return of === undefined ? { kind } : undefined;
  if (!of) return undefined;
  if (kind === 'container') return { kind, container: of };
  if (kind === 'macvlan') return { kind, device: of };
  return kind === 'p2p' ? { kind, peer: of } : undefined;
}

function portOf(text: string | undefined): number | undefined {
  const port = Number(text);
  return port >= 1 && port <= 65535 ? port : undefined;
}
