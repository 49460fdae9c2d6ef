import { CausewayError } from '@causeway/shared/errors';
import type { Lab, LabContainer } from '../lab.ts';
import type { Command } from './story.ts';

/** The port of the web server in every container, and of the one on `client` and `internet`. */
export const WEB = 12345;
/** The port of the echo server in every container. */
export const ECHO = 7777;
export const INTERNET = '203.0.113.8';
export const CLIENT = '192.168.122.200';
export const VIP = '2.2.2.2';
/** The story's lab has containers of both families. */
export const STORY_NETWORK_IPV6 = 'fd00:10::/48';

/** The lab's own containers by the part they play. */
export interface Cast {
  readonly here: LabContainer;
  /** On the same host as `here`. */
  readonly neighbour: LabContainer;
  /** On another host. */
  readonly there: LabContainer;
}

export async function castOf(lab: Lab): Promise<Cast> {
  const all = (await lab.containers()).filter(({ name }) => name.startsWith('web-'));
  const here = all.find((container) => container.host === 'host-1');
  const neighbour = all.find((container) => container.host === 'host-1' && container !== here);
  const there = all.find((container) => container.host === 'host-2');
  if (here === undefined || neighbour === undefined || there === undefined) {
    const found = all.map((container) => `${container.name} on ${container.host}`).join(', ');
    throw new CausewayError(
      'internal',
      `casting the story: two containers on host-1 and one on host-2 are needed, found: ${found}`,
    );
  }
  return { here, neighbour, there };
}

/** A program of the container's own image, inside all of its namespaces. */
export function inside(container: LabContainer, ...argv: string[]): Command {
  return {
    on: container.host,
    argv: ['runc', '--root', '/run/causeway/runc', 'exec', container.name, ...argv],
  };
}

/** curl in the container's network namespace: the image has none, the host has. */
export function curlFrom(container: LabContainer, ...args: string[]): Command {
  return {
    on: container.host,
    argv: ['ip', 'netns', 'exec', `cwy-${container.name}`, ...curl(args)],
  };
}

export function curlOn(host: string, ...args: string[]): Command {
  return { on: host, argv: curl(args) };
}

export function pingFrom(container: LabContainer, address: string): Command {
  return inside(container, 'ping', '-c', '1', '-W', '2', address);
}

/** Quiet but for errors, and with an end: after 5 s unless the caller says otherwise. */
function curl(args: readonly string[]): string[] {
  return ['curl', '-sS', ...(args.includes('-m') ? [] : ['-m', '5']), ...args];
}
