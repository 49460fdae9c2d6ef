import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dockerEtcd } from '../support/docker-etcd.ts';
import { leaseFaults, planOf, readyz, subnetsOf, svcctl, told } from '../support/faults.ts';
import { type Flows, ringOf, startFlows } from '../support/flows.ts';
import { useLab } from '../support/lab.ts';

/** A cluster whose etcd is three containers of a real Docker engine, driven by testcontainers. */
const etcd = dockerEtcd();
const up = useLab({ name: 'docketcd', hosts: 3, etcd: 'provided', provideEtcd: etcd.start });
const PATIENT = { timeout: 60_000, interval: 100 };
const WELL = { code: 200, exitCode: 0, stderr: '' };
const TO = ['--to', 'web-1:12345', '--to', 'web-3:12345'];

let flows: Flows;
let subnets: string;

beforeAll(async () => {
  flows = startFlows(up.lab, ringOf(await up.lab.containers()));
  subnets = await subnetsOf(up.lab);
});
afterAll(() => flows.stop());
afterEach(async () => {
  await flows.goOn();
  for (const host of up.lab.hosts) await expect.poll(() => told(up.lab, host), PATIENT).toMatchObject(WELL);
  expect(await leaseFaults(up.lab)).toEqual([]);
  expect(await subnetsOf(up.lab)).toBe(subnets);
  for (const host of up.lab.hosts) expect(await planOf(up.lab, host)).toBe('nothing to do');
});

describe('an etcd of three Docker containers', () => {
  it.each([1, 2, 3])('member %i is killed: everything goes on, changes too', async (number) => {
    const { lab } = up;
    await etcd.kill(number);
    const change = ['expose', '2.2.2.2:88', '--name', `without-${number}`, ...TO, '--wait'];
    await expect.poll(() => lab.svcctl(change), PATIENT).toMatchObject({ exitCode: 0 });
    await svcctl(lab, 'unexpose', `without-${number}`, '--wait');
    await flows.goOn();
    await etcd.revive(number);
  });

  it('two of them are killed: traffic goes on, no change is accepted; with one back, the next change is made', async () => {
    const { lab } = up;
    await svcctl(lab, 'expose', '2.2.2.2:88', '--name', 'kept', ...TO, '--wait');
    await etcd.kill(1);
    await etcd.kill(2);
    for (const host of lab.hosts)
      await expect
        .poll(() => readyz(lab, host), PATIENT)
        .toMatchObject({ code: 503, text: /^\[-\]etcd failed/m });
    const refused = await lab.svcctl(['expose', '2.2.2.3:88', '--name', 'lost', ...TO]);
    expect(refused.exitCode).not.toBe(0);
    const hello = ['curl', '-sS', '-m', '5', 'http://2.2.2.2:88/hello'];
    expect((await lab.exec('client', hello)).stdout).toMatch(/^hello from web-[13]$/m);
    await flows.goOn();
    await etcd.revive(1);
    const change = ['expose', '2.2.2.4:88', '--name', 'after', ...TO, '--wait'];
    await expect.poll(() => lab.svcctl(change), PATIENT).toMatchObject({ exitCode: 0 });
    await etcd.revive(2);
    for (const name of ['kept', 'after']) await svcctl(lab, 'unexpose', name, '--wait');
  });
});
