import { chmodSync, existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '@causeway/lab/lab';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { FAMILIES } from '@causeway/shared/net/family';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { planOf, readyz } from '../support/faults.ts';
import { output } from '../support/lab.ts';
import { type Held, SERVER_PORT, useServiceLab, vipsOf } from '../support/service-lab.ts';
import { startTraffic, type Traffic } from '../support/traffic.ts';

/** What agents do when there is nothing to do, or when it fails. Numbers are those of the list of cases. */
const up = useServiceLab();

const PORTS = [
  { port: 80, targetPort: SERVER_PORT, nodePort: 30001 },
  { protocol: 'udp', port: 80, targetPort: SERVER_PORT, nodePort: 30001 },
] as const;
const VIPS = vipsOf(1);
const OTHER = vipsOf(2);
const MANY = { vip: Object.values(VIPS), ports: PORTS, endpoints: ['web-1', 'web-2', 'web-3'] };

/** Every change of rules, by any agent, goes through programs of ours that stand before the real ones. */
beforeAll(async () => {
  const { lab, put } = up.world;
  for (const program of ['nft', 'iptables-nft-restore', 'ip6tables-nft-restore']) await spyOn(lab, program);
  await put('many', { ...MANY, ports: [...PORTS] });
  await put('other', { vip: Object.values(OTHER), ports: [{ port: 80 }], endpoints: ['web-2:12345'] });
});

describe.each(DATAPLANES)('with %s', (dataplane) => {
  let held: readonly Held[] = [];
  let traffic: readonly Traffic[] = [];

  beforeAll(async () => {
    const { world } = up;
    const { lab } = world;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    held = FAMILIES.flatMap((family) =>
      ['tcp', 'udp'].flatMap((protocol) => [
        ...['web-1', 'web-1', 'host-1', 'host-1', 'client', 'client'].map((from) =>
          world.hold(from, `${protocol} ${VIPS[family]} 80`),
        ),
        world.hold('client', `${protocol} ${world.addressOf('host-1', family)} 30001`),
      ]),
    );
    const targets = FAMILIES.map((family) => ({ label: family, address: OTHER[family], port: 80 }));
    traffic = [startTraffic(lab, 'host-1', targets, 'cwy-web-1'), startTraffic(lab, 'client', targets)];
  });
  afterAll(() => {
    for (const one of [...held.map(({ close }) => close), ...traffic.map(({ stop }) => stop)]) one();
  });
  const hear = () => Promise.all(held.map((one) => one.ask()));
  const goesOn = async () => {
    await Promise.all(traffic.map((one) => one.more(10)));
    expect(traffic.flatMap((one) => one.failed())).toEqual([]);
  };

  it('20. a sync of what is there already is no operation', async () => {
    const { lab, put } = up.world;
    const before = changesOf(lab);
    await put('many', { ...MANY, ports: [...PORTS] });
    const again = { ...MANY, name: 'many', endpoints: MANY.endpoints };
    expect(await lab.api.ask('POST', '/v1/services', again)).toMatchObject({ status: 200 });
    for (const host of lab.hosts) {
      await lab.stopAgent(host);
      await lab.startAgent(host);
    }
    await lab.ready();
    expect(changesOf(lab)).toEqual(before);
  });

  it('20. a transaction that fails leaves the old state, and a full one follows', async () => {
    const { lab, addressOf, names, put } = up.world;
    const before = changesOf(lab).length;
    writeFileSync(failureOf(lab, 'host-1'), '');
    await put('many', { ...MANY, ports: [...PORTS], endpoints: ['web-2'] });
    expect(existsSync(failureOf(lab, 'host-1'))).toBe(false);
    const [failed, ...later] = changesOf(lab)
      .slice(before)
      .filter(({ host }) => host === 'host-1');
    expect(failed?.fails).toBe(true);
    // What failed was a change of one service.
    expect(Math.max(...later.map(({ bytes }) => bytes))).toBeGreaterThan(failed?.bytes ?? 0);
    for (const family of FAMILIES)
      for (const target of [`tcp ${VIPS[family]} 80`, `udp ${addressOf('host-1', family)} 30001`])
        for (const from of ['client', 'host-1']) expect(await names(from, target, 12)).toEqual(['web-2']);
    await goesOn();
    await put('many', { ...MANY, ports: [...PORTS] });
    for (const host of lab.hosts) expect(await planOf(lab, host)).toBe('nothing to do');
  });

  it('21. agents that start anew change nothing before they have read everything, and no flow notices', async () => {
    const { lab } = up.world;
    const heard = await hear();
    expect(heard.filter((said) => !/^web-\d sees /.test(said))).toEqual([]);
    const before = changesOf(lab);
    for (const host of lab.hosts) await lab.stopAgent(host, 'SIGKILL');
    // etcd is the controller's child: there is nothing to read.
    await lab.stopController('SIGKILL');
    for (const host of lab.hosts) await lab.startAgent(host);
    for (const host of lab.hosts) await expect.poll(() => readyz(lab, host)).toMatchObject({ code: 503 });
    await goesOn();
    expect(await hear()).toEqual(heard);
    expect(changesOf(lab)).toEqual(before);
    await lab.startController();
    await lab.ready();
    await goesOn();
    expect(await hear()).toEqual(heard);
    expect(changesOf(lab)).toEqual(before);
  });
});

interface Change {
  readonly host: string;
  /** Size of what the program read. */
  readonly bytes: number;
  /** It was made to fail. */
  readonly fails: boolean;
}

/** All changes of rules so far, in their order. */
function changesOf(lab: Lab): readonly Change[] {
  const file = join(lab.directory, 'changes');
  const lines = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : [];
  return lines.map((line) => {
    const [host = '', bytes, fails] = line.split(' ');
    return { host, bytes: Number(bytes), fails: fails === 'fails' };
  });
}

/** The next change of rules on a host fails, once, when there is this file. */
function failureOf(lab: Lab, host: string): string {
  return join(lab.directory, `fail-${host}`);
}

/** Puts a program of the same name where agents find it first, which notes what it is given. */
async function spyOn(lab: Lab, program: string): Promise<void> {
  const real = await output(lab, 'client', 'sh', '-c', `command -v ${program}`);
  const script = `#!/bin/sh
case " $* " in
*" -f - "* | *" --noflush "*)
  host=$(hostname)
  input=$(mktemp -p '${lab.directory}')
  cat >"$input"
  if rm '${lab.directory}'/fail-"$host" 2>/dev/null; then
    echo "$host $(wc -c <"$input") fails" >>'${lab.directory}/changes'
    echo 'refused for once' >&2
    exit 1
  fi
  echo "$host $(wc -c <"$input")" >>'${lab.directory}/changes'
  exec '${real}' "$@" <"$input"
  ;;
esac
exec '${real}' "$@"
`;
  const place = join(lab.directory, 'bin', program);
  writeFileSync(`${place}.new`, script);
  chmodSync(`${place}.new`, 0o755);
  renameSync(`${place}.new`, place);
}
