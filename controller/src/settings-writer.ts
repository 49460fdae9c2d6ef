import { CausewayError } from '@causeway/shared/errors';
import type { Settings } from '@causeway/shared/model/settings';
import { blockHasIp, parseBlock, parseIp } from '@causeway/shared/net/block';
import { decodeSettings, encode } from '@causeway/shared/store/codec';
import { keys } from '@causeway/shared/store/keys';
import type { Guard, KeyValue, Store } from '@causeway/shared/store/store';
import type { WriteOptions } from './allocate/service-writer.ts';
import { unchanged } from './allocate/transaction.ts';
import { attempts } from './attempts.ts';
import { checkIfMatch } from './if-match.ts';
import type { SettingsObject, SettingsPatch } from './objects/settings.ts';
import { patchedSettings } from './settings.ts';
import { Turns } from './turns.ts';
import type { OwnAddress } from './validate/ranges.ts';
import { checkNewSettings, servedAnew } from './validate/settings.ts';
import { readFresh } from './view/fresh.ts';
import type { Tables } from './view/tables.ts';
import type { View } from './view/view.ts';

const VIEW_MS = 3_000;

export interface SettingsWritten {
  readonly settings: SettingsObject;
  readonly changed: boolean;
  readonly revision: number;
}

/** Changes the settings of the cluster, guarded by their revision; hosts follow them at once. */
export class SettingsWriter {
  readonly #store: Store;
  readonly #view: View;
  readonly #own: readonly OwnAddress[];
  readonly #turns = new Turns();

  /** @param own where others reach the controller and etcd */
  constructor(store: Store, view: View, own: readonly OwnAddress[]) {
    this.#store = store;
    this.#view = view;
    this.#own = own;
  }

  /** @throws CausewayError `invalid`, or `conflict` when a VIP or a NodePort that is in use would be left out */
  async set(patch: SettingsPatch, options: WriteOptions): Promise<SettingsWritten> {
    const act = () => this.#attempt(patch, options);
    return this.#turns.take('', () => attempts('changing the settings', act));
  }

  /** @returns undefined after a lost race: others changed them, or were given VIPs or ports */
  async #attempt(patch: SettingsPatch, options: WriteOptions): Promise<SettingsWritten | undefined> {
    const found = await this.#store.get(keys.settings);
    checkIfMatch(options.ifMatch, 'the settings', found?.modRevision);
    if (found === undefined) throw notThere();
    const before = this.#readable(found);
    const after = patchedSettings(before, patch);
    const { modRevision: revision } = found;
    if (encode(after) === found.value)
      return { settings: present(before, revision, this.#view.tables), changed: false, revision };
    const given = await this.#last(keys.lastAllocation);
    const published = await this.#last(keys.lastPublished);
    const { rows, unreadable } = await readFresh(this.#store, [
      keys.networkPrefix,
      keys.settings,
      keys.nodePrefix,
      keys.allocationPrefix,
      keys.publishedPrefix,
    ]);
    const { endpoints, workload } = this.#view.tables;
    checkNewSettings(before, after, { ...rows, endpoints, workload }, this.#own);
    if (options.dryRun) return { settings: present(after, revision, rows), changed: true, revision };
    const network = unchanged(keys.networkConfig, rows.config.get(''), unreadable.has(keys.networkConfig));
    const from = [network, published, ...notNodePorts(before, after, rows)];
    return this.#put(found, after, sameRanges(before, after) ? from : [...from, given]);
  }

  /**
   * That no VIP or NodePort, or no published port, was given out since this was asked. Whoever gives one out later goes by the new settings: each
   * service is written only while the settings are those that it was made by.
   */
  async #last(key: typeof keys.lastAllocation | typeof keys.lastPublished): Promise<Guard> {
    const last = await this.#store.get(key);
    return last === undefined ? { key, absent: true } : { key, modRevision: last.modRevision };
  }

  /** @param from that what the settings were compared with is as it was read @returns undefined after a lost race */
  async #put(found: KeyValue, after: Settings, from: readonly Guard[]): Promise<SettingsWritten | undefined> {
    const { ok, revision } = await this.#store.transaction(
      [{ key: keys.settings, modRevision: found.modRevision }, ...from],
      [{ put: keys.settings, value: encode(after) }],
    );
    if (!ok) return undefined;
    await this.#view.reached('causeway', revision, VIEW_MS);
    return { settings: present(after, revision, this.#view.tables), changed: true, revision };
  }

  /** Settings that cannot be read are mended by writing others over the last ones that could. */
  #readable(found: KeyValue): Settings {
    const read = decodeSettings(found);
    if (!(read instanceof CausewayError)) return read;
    const last = this.#view.tables.settings.get('')?.value;
    if (last === undefined) throw read;
    return last;
  }
}

/** That what is published where NodePorts come to be served has become none since that was looked at. */
function notNodePorts(before: Settings, after: Settings, rows: Tables): readonly Guard[] {
  return servedAnew(before, after, rows).map(([id]): Guard => {
    const [protocol = '', port = ''] = id.split('/');
    return { key: keys.nodePort(protocol, Number(port)), absent: true };
  });
}

/** Whether VIPs and NodePorts are given out as before. */
function sameRanges(a: Settings, b: Settings): boolean {
  const fields = ['serviceRange', 'serviceRangeIpv6', 'nodePortMin', 'nodePortMax'] as const;
  return fields.every((field) => a[field] === b[field]);
}

/**
 * The settings as the API shows them.
 *
 * @throws CausewayError `unreachable` while there are none
 */
export function settingsObject(tables: Tables): SettingsObject {
  const row = tables.settings.get('');
  if (row === undefined) throw notThere();
  return present(row.value, row.revision, tables);
}

function present(settings: Settings, revision: number, { node }: Pick<Tables, 'node'>): SettingsObject {
  const { nodePortCidrs = [] } = settings;
  const addresses = [...node.values()].flatMap(({ value }) => value.addresses.map(parseIp));
  const isHit = (cidr: string) => {
    const block = parseBlock(cidr);
    return addresses.some((ip) => ip !== undefined && block !== undefined && blockHasIp(block, ip));
  };
  const warnings = nodePortCidrs
    .filter((cidr) => node.size > 0 && !isHit(cidr))
    .map((cidr) => `no host has an address inside ${cidr}, so that NodePorts are served nowhere in it`);
  return { ...settings, nodePortCidrs, warnings, revision };
}

function notThere(): CausewayError {
  return new CausewayError('unreachable', "reading the cluster's settings: they are not in etcd yet");
}
