import { readdir, readFile, stat } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { monitorOf } from './conmon.ts';
import { isContainerName, type Layout, placeOf } from './places.ts';

/** How a container ended, as its monitor has written it. */
export interface End {
  readonly code: number;
  /** By the clock of the file system, milliseconds. */
  readonly at: number;
}

/** A monitor writes a moment after the process has ended; one that does not in this time is stuck, milliseconds. */
const PATIENCE_MS = 5_000;
const LOOK_MS = 5;

/** All ends since the last start of each, by name. */
export async function observeEnds({ exits }: Layout): Promise<ReadonlyMap<string, End>> {
  const ends = new Map<string, End>();
  for (const name of (await readdir(exits).catch(() => [])).filter(isContainerName)) {
    const end = await readEnd(`${exits}/${name}`);
    if (end !== undefined) ends.set(name, end);
  }
  return ends;
}

/**
 * How containers ended whose processes are gone, while nothing was known of it: as soon as their monitors have said so.
 *
 * @returns nothing of those whose monitors are gone without a word
 */
export async function awaitEnds(layout: Layout, names: readonly string[]): Promise<ReadonlyMap<string, End>> {
  const ends = await Promise.all(names.map(async (name) => [name, await awaitEnd(layout, name)] as const));
  return new Map(ends.flatMap(([name, end]) => (end === undefined ? [] : [[name, end] as const])));
}

async function awaitEnd(layout: Layout, name: string): Promise<End | undefined> {
  const place = placeOf(layout, name);
  for (const late = performance.now() + PATIENCE_MS; ; await delay(LOOK_MS)) {
    // It writes before it goes.
    const isMonitored = monitorOf(place) !== undefined && performance.now() < late;
    const end = await readEnd(place.exit);
    if (end !== undefined || !isMonitored) return end;
  }
}

async function readEnd(file: string): Promise<End | undefined> {
  try {
    const text = (await readFile(file, 'utf8')).trim();
    // One that is being written is seen whole by the next look.
    if (!/^\d+$/.test(text)) return undefined;
    return { code: Number(text), at: (await stat(file)).mtimeMs };
  } catch {
    return undefined;
  }
}
