import { isIPv6 } from 'node:net';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { Protocol, ServiceSpec } from '@causeway/shared/model/service';
import type { ServiceInput } from '@causeway/shared/model/service-input';
import { parseFrontend, parseOpenFrontend } from './frontend.ts';
import { type HealthOptions, healthInput } from './health.ts';
import type { Labels } from './labels.ts';
import type { PortSpec } from './port-spec.ts';
import type { TargetInput } from './target.ts';

/** What `expose` knows besides VIP:PORT. */
export interface ServiceOptions extends HealthOptions {
  readonly name?: string;
  readonly vip?: string;
  readonly family?: ServiceSpec['families'][number] | 'dual';
  readonly port?: readonly PortSpec[];
  readonly protocol?: Protocol;
  readonly targetPort?: number;
  readonly nodePort?: number | 'auto';
  readonly to?: readonly TargetInput[];
  readonly selector?: Labels;
  readonly affinity?: 'none' | 'client';
  readonly externalPolicy?: 'cluster' | 'local';
  readonly internalPolicy?: 'cluster' | 'local';
  readonly sourceRange?: readonly string[];
  readonly publishNotReady?: true;
  readonly whenUnhealthy?: 'reject' | 'open';
}

/** What is to be sent, and whether its first port is that of VIP:PORT. */
export interface Exposed {
  readonly input: ServiceInput;
  readonly isFirstTyped: boolean;
}

/** @throws CausewayError `invalid` when flags do not go together */
export function serviceInput(text: string, options: ServiceOptions): Exposed {
  const frontend = options.port === undefined ? parseFrontend(text) : parseOpenFrontend(text);
  const first = firstPort(text, frontend, options);
  const ports = [...(first === undefined ? [] : [first]), ...(options.port ?? [])];
  refuseTwice(ports);
  if (frontend.vip === 'none' && ports.every(({ nodePort }) => nodePort === undefined))
    throw invalid('VIP:PORT', text, 'could be reached by nobody: without a VIP a --node-port is needed');
  const { name, to = [], selector, affinity, externalPolicy, internalPolicy } = options;
  const { sourceRange, publishNotReady, whenUnhealthy } = options;
  const health = healthInput(options);
  const input: ServiceInput = {
    ...(name === undefined ? {} : { name }),
    ...addresses(frontend.vip, options),
    ports,
    endpoints: to.map((target) => (target.weight === undefined ? target.to : target)),
    ...(selector === undefined ? {} : { selector: { ...selector } }),
    ...(affinity === undefined ? {} : { affinity }),
    ...(externalPolicy === undefined ? {} : { externalPolicy }),
    ...(internalPolicy === undefined ? {} : { internalPolicy }),
    ...(sourceRange === undefined ? {} : { sourceRanges: [...sourceRange] }),
    ...(publishNotReady === undefined ? {} : { publishNotReady }),
    ...(health === undefined ? {} : { health }),
    ...(whenUnhealthy === undefined ? {} : { whenUnhealthy }),
  };
  return { input, isFirstTyped: first !== undefined };
}

/** The port of VIP:PORT, with the flags that are about it. */
function firstPort(
  text: string,
  { port, protocol: typed }: { readonly port?: number; readonly protocol?: Protocol },
  { protocol, targetPort, nodePort }: ServiceOptions,
): PortSpec | undefined {
  if (port === undefined) {
    const about = { protocol, 'target-port': targetPort, 'node-port': nodePort };
    for (const [flag, value] of Object.entries(about))
      if (value !== undefined)
        throw invalid(flag, value, `is about the port of VIP:PORT, and ${JSON.stringify(text)} has none`);
    return undefined;
  }
  if (protocol !== undefined && typed !== undefined && protocol !== typed)
    throw invalid('protocol', protocol, `is not that of ${JSON.stringify(text)}`);
  const spoken = protocol ?? typed;
  return {
    port,
    ...(spoken === undefined ? {} : { protocol: spoken }),
    ...(targetPort === undefined ? {} : { targetPort }),
    ...(nodePort === undefined ? {} : { nodePort }),
  };
}

const FAMILIES_OF = { ipv4: ['ipv4'], ipv6: ['ipv6'], dual: ['ipv4', 'ipv6'] } as const;

/** `vip` and `families`: what was typed, and for `--family dual` an address of the family that was not. */
function addresses(first: string, { vip, family }: ServiceOptions): Pick<ServiceInput, 'vip' | 'families'> {
  if (first === 'none' && vip !== undefined)
    throw invalid('vip', vip, 'is a second VIP, and "none" says that there is none');
  const typed = vip === undefined ? [first] : [first, vip];
  const given = typed.filter((one) => one !== 'auto' && one !== 'none');
  if (family === undefined) return { vip: oneOrMore(typed) };
  const stranger = given.find((one) => family !== 'dual' && family !== (isIPv6(one) ? 'ipv6' : 'ipv4'));
  if (stranger !== undefined) throw invalid('family', family, `is not that of the VIP ${stranger}`);
  const isHalf = family === 'dual' && typed.length === 1 && given.length === 1;
  return { vip: oneOrMore(isHalf ? [...typed, 'auto'] : typed), families: [...FAMILIES_OF[family]] };
}

function oneOrMore(vips: readonly string[]): string | string[] {
  const [only = 'auto', ...more] = vips;
  return more.length === 0 ? only : [only, ...more];
}

/** Two ports that clients, or people, could not tell apart. */
function refuseTwice(ports: readonly PortSpec[]): void {
  const seen = new Set<string>();
  for (const { name, port, protocol = 'tcp', nodePort } of ports) {
    const claims = [
      `${port}/${protocol}`,
      ...(name === undefined ? [] : [`the name ${JSON.stringify(name)}`]),
      ...(typeof nodePort === 'number' ? [`the node port ${nodePort}/${protocol}`] : []),
    ];
    const twice = claims.find((claim) => seen.has(claim));
    if (twice !== undefined)
      throw new CausewayError('invalid', `port ${port} is given twice: another one has ${twice} already`, {
        field: 'port',
        value: port,
      });
    for (const claim of claims) seen.add(claim);
  }
}
