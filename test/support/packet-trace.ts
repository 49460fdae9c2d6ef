import { createInterface } from 'node:readline';
import type { Lab } from '@causeway/lab/lab';
import { viewOf } from './seeds.ts';

/** Where packets are looked at: a link of a machine, or of a container that is there. */
export interface Point {
  readonly member: string;
  readonly link: string;
  readonly container?: string;
}

/**
 * What tcpdump shows at several points while something is done.
 *
 * @returns its lines with link-layer addresses, by point
 */
export async function capture(
  lab: Lab,
  points: readonly Point[],
  filter: string,
  action: () => Promise<unknown>,
): Promise<readonly (readonly string[])[]> {
  const watchers = await Promise.all(points.map((point) => watch(lab, point, filter)));
  await action();
  return Promise.all(watchers.map((end) => end()));
}

async function watch(lab: Lab, { member, link, container }: Point, filter: string) {
  const enter =
    container === undefined ? [] : ['nsenter', '-t', `${(await viewOf(lab, container)).status?.pid}`, '-n'];
  const tcpdump = [
    'tcpdump',
    '-Z',
    'root',
    '-l',
    '-n',
    '-e',
    '-i',
    link,
    '--immediate-mode',
    ...filter.split(' '),
  ];
  const child = lab.spawn(member, [...enter, ...tcpdump]);
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  let said = '';
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk) => {
      said += chunk;
      if (said.includes('listening on')) resolve();
    });
    child.on('exit', () => reject(new Error(`tcpdump at ${link} of ${member}: ${said}`)));
  });
  return async () => {
    // What the kernel has seen is written as it comes; the answer to the last packet was seen before the action ended.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.removeAllListeners('exit');
    child.kill();
    return lines;
  };
}
