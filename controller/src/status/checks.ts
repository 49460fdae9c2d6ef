import { CausewayError, messageOf } from '@causeway/shared/errors';
import { keys } from '@causeway/shared/store/keys';
import { rangesOf } from '../bootstrap.ts';
import type { Deps } from '../deps.ts';
import { rangeFaults } from '../validate/ranges.ts';
import { hostNetworks, networkOf } from '../view/facts.ts';
import { formatDurationMs } from './text.ts';

/** One line of `/readyz?verbose`: `+` holds, `-` keeps the controller from its work, `!` is worth knowing. */
export interface Check {
  readonly mark: '+' | '-' | '!';
  readonly text: string;
}

export type EtcdAnswer =
  | { readonly ok: true; readonly inMs: number }
  | { readonly ok: false; readonly reason: string };

/** How long etcd may take to answer, milliseconds. */
const PING_MS = 2_000;

/** How a check ends that says why the configuration is not the one in etcd. */
export const OLD_VALUE = '; its last readable value holds';
const CONFIG_KEYS = [
  ['config', keys.networkConfig],
  ['settings', keys.settings],
] as const;

export async function pingEtcd({ store, view }: Deps): Promise<EtcdAnswer> {
  const asked = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const error = new CausewayError('timeout', `asking etcd: no answer after ${PING_MS} ms`);
    timer = setTimeout(() => reject(error), PING_MS);
  });
  try {
    await Promise.race([store.ping(), late]);
    view.heard();
    return { ok: true, inMs: Math.round(performance.now() - asked) };
  } catch (error) {
    return { ok: false, reason: messageOf(error) };
  } finally {
    clearTimeout(timer);
  }
}

/** What concerns the controller itself and no single host. */
export function checks({ view }: Pick<Deps, 'view'>, etcd: EtcdAnswer): readonly Check[] {
  return [
    etcdCheck(etcd),
    watchCheck(view),
    ...configChecks(view),
    ...rangeChecks(view),
    ...unreadableChecks(view),
  ];
}

export function textOf({ text }: Check): string {
  return text;
}

function etcdCheck(etcd: EtcdAnswer): Check {
  if (etcd.ok) return { mark: '+', text: `etcd ok, answered in ${etcd.inMs} ms` };
  return { mark: '-', text: `etcd failed: ${etcd.reason}` };
}

function watchCheck({ connection }: Deps['view']): Check {
  const age =
    connection.lastWordAt === 0
      ? 'never heard of it'
      : `last word ${formatDurationMs(Date.now() - connection.lastWordAt)} ago`;
  return connection.whole
    ? { mark: '+', text: `watch ok, ${age}` }
    : { mark: '-', text: `watch failed: ${connection.reason}, ${age}` };
}

/** Without a configuration nothing works; with the last one that could be read, everything does. */
function configChecks(view: Deps['view']): readonly Check[] {
  const { tables, unreadable } = view;
  const faults = CONFIG_KEYS.flatMap(([kind, key]): Check[] => {
    const why = unreadable.get(key);
    if (why === undefined) {
      return tables[kind].has('') ? [] : [{ mark: '-', text: 'network configuration is not in etcd' }];
    }
    return tables[kind].has('')
      ? [{ mark: '!', text: `${why}${OLD_VALUE}` }]
      : [{ mark: '-', text: `network configuration: ${why}` }];
  });
  if (faults.length > 0)
    return faults.filter((one, i) => faults.findIndex(({ text }) => text === one.text) === i);
  const { config, refused } = networkOf(tables);
  const networks = [config.ipv4, config.ipv6].flatMap((family) => family?.network ?? []).join(' and ');
  return [
    { mark: '+', text: `network configuration ok, ${networks}` },
    ...(refused === undefined ? [] : [{ mark: '!' as const, text: refused.reason }]),
  ];
}

/** Ranges that overlap something: what hosts joined, or somebody wrote, after they were chosen. */
function rangeChecks({ tables }: Deps['view']): readonly Check[] {
  const config = tables.config.get('')?.value;
  const settings = tables.settings.get('')?.value;
  if (config === undefined || settings === undefined) return [];
  const hosts = hostNetworks([...tables.node.values()].map(({ value }) => value));
  return rangeFaults(rangesOf({ config, settings }), hosts).map((text) => ({ mark: '!', text }));
}

function unreadableChecks({ unreadable }: Deps['view']): readonly Check[] {
  const told: readonly string[] = CONFIG_KEYS.map(([, key]) => key);
  return [...unreadable].flatMap(([key, text]): Check[] => (told.includes(key) ? [] : [{ mark: '!', text }]));
}
