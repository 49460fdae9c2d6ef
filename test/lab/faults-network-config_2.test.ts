import { keys } from '@causeway/shared/store/keys';
import { describe, expect, it } from 'vitest';
import { put } from '../support/etcd-keys.ts';
import { eventsOf, leaseFaults, planOf, readyz, subnetsOf, svcctl, told } from '../support/faults.ts';
import { ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';

/** Somebody writes another network into etcd, as flannel's users do. */
const up = useLab({ name: 'net-config', hosts: 2 });
const PATIENT = { timeout: 60_000, interval: 50 };
const WELL = { code: 200, exitCode: 0, stderr: '' };
const OTHER = { Network: '10.20.0.0/16', SubnetLen: 26, Backend: { Type: 'host-gw' } };

describe('a configuration that would give every host another subnet', () => {
  it('is refused with the reason, per host and by svcctl, while traffic flows', async () => {
    const { lab } = up;
    const flows = startFlows(lab, ringOf(await lab.containers()));
    await flows.goOn();
    const subnets = await subnetsOf(lab);
    await put(lab, keys.networkConfig, JSON.stringify(OTHER));
    for (const host of lab.hosts) {
      await expect.poll(() => kinds(host), PATIENT).toContain('network-refused');
      expect((await readyz(lab, host)).text).toContain('10.20.0.0/16');
    }
    const { exitCode, stderr } = await lab.svcctl(['status']);
    expect(exitCode).toBe(7);
    expect(stderr).toContain('10.20.0.0/16');
    // An agent that starts meanwhile follows what the others follow.
    await lab.stopAgent('host-2', 'SIGKILL');
    await lab.startAgent('host-2');
    await lab.ready();
    await flows.goOn();
    flows.stop();
    expect(await subnetsOf(lab)).toBe(subnets);
  });

  it('is followed once it is confirmed: every host takes another subnet, and its containers move along', async () => {
    const { lab } = up;
    await svcctl(lab, 'network', 'confirm');
    await expect
      .poll(() => subnetsOf(lab), PATIENT)
      .toMatch(/^host-1 10\.20\.\S+\/26\nhost-2 10\.20\.\S+\/26$/);
    const moved = async () =>
      (await lab.containers()).filter(({ address }) => address.startsWith('10.20.')).length;
    await expect.poll(moved, PATIENT).toBe(3);
    for (const host of lab.hosts) {
      await expect
        .poll(() => kinds(host), PATIENT)
        .toEqual(expect.arrayContaining(['moved', 'container-moved']));
      await expect.poll(() => told(lab, host), PATIENT).toMatchObject(WELL);
      expect(await planOf(lab, host)).toBe('nothing to do');
      expect(await output(lab, host, 'sh', '-c', 'ip address show dev cwy0; ip route')).not.toContain(
        '10.10.',
      );
    }
    const flows = startFlows(lab, ringOf(await lab.containers()));
    await flows.goOn();
    flows.stop();
    expect(await leaseFaults(lab)).toEqual([]);
  });
});

async function kinds(host: string): Promise<string[]> {
  return (await eventsOf(up.lab, host)).map(({ kind }) => kind);
}
