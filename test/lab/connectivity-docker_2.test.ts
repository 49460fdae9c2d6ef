import type { LabContainer } from '@causeway/lab/lab';
import { DATAPLANES } from '@causeway/shared/model/dataplane';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { DOCKER_STARTS_AGAIN, dockerRules } from '../support/docker.ts';
import { planOf } from '../support/faults.ts';
import { ringOf, startFlows } from '../support/flows.ts';
import { output, useLab } from '../support/lab.ts';
import { seenBy } from '../support/packets.ts';

/**
 * Docker's rules on host-1, as Docker 28 makes them: forwarding is dropped by default, and packets to containers of
 * its are dropped before that unless they come from its own bridge.
 */
const up = useLab({ name: 'docker', hosts: 2, networkIpv6: 'fd00:10::/48', backend: 'vxlan' });
const PATIENT = { timeout: 60_000, interval: 50 };
const VARIANTS = ['nft', 'legacy'] as const;

describe.each(DATAPLANES)('beside Docker, with %s', (dataplane) => {
  let web: readonly LabContainer[];

  beforeAll(async () => {
    const { lab } = up;
    if (lab.dataplane !== dataplane) await lab.useDataplane(dataplane);
    web = await lab.containers();
  });

  describe.each(VARIANTS)('that uses iptables-%s', (variant) => {
    const restore = async (family: 'ipv4' | 'ipv6', rules: string) => {
      const tool = `${family === 'ipv4' ? 'iptables' : 'ip6tables'}-${variant}-restore`;
      const { exitCode, stderr } = await up.lab.exec('host-1', [tool, '--noflush'], { input: rules });
      expect(exitCode, stderr).toBe(0);
    };
    const own = (family: 'ipv4' | 'ipv6') =>
      web.map((each) => ({
        address: (family === 'ipv4' ? each.address : each.ipv6Address) ?? '',
        link: 'docker0',
      }));
    /** Everything that Docker has made, and what others have put in front of it, is gone. */
    afterEach(async () => {
      const clear = ['iptables', 'ip6tables'].flatMap((tool) => [
        `${tool}-${variant} -P FORWARD ACCEPT`,
        ...['raw', 'filter', 'nat'].flatMap((table) => [
          `${tool}-${variant} -t ${table} -F`,
          `${tool}-${variant} -t ${table} -X || true`,
        ]),
      ]);
      await output(up.lab, 'host-1', 'sh', '-ec', clear.join('\n'));
      await startAgain();
      expect(await planOf(up.lab, 'host-1')).toBe('nothing to do');
    });

    it('traffic flows as soon as its rules are there, also when it starts anew and when the agent does', async () => {
      const { lab } = up;
      for (const family of ['ipv4', 'ipv6'] as const) await restore(family, dockerRules(family, own(family)));
      // Of a change by iptables-legacy nobody is told: the agent's look finds it, and the first one is when it starts.
      if (variant === 'legacy') await startAgain();
      await flowsWell();
      for (const family of ['ipv4', 'ipv6'] as const) await restore(family, DOCKER_STARTS_AGAIN);
      await startAgain();
      await flowsWell();
      for (const internet of [lab.addressOf('internet'), lab.ipv6AddressOf('internet')])
        expect([lab.addressOf('host-1'), lab.ipv6AddressOf('host-1')]).toContain(
          await seenBy(lab, on('web-1'), internet),
        );
    });
  });

  async function startAgain(): Promise<void> {
    await up.lab.stopAgent('host-1');
    await up.lab.startAgent('host-1');
    await up.lab.ready();
  }

  /** From, to and through host-1, once the rules in front of Docker's are made: nothing is lost from then on. */
  async function flowsWell(): Promise<void> {
    await expect.poll(() => planOf(up.lab, 'host-1'), PATIENT).toBe('nothing to do');
    const flows = startFlows(up.lab, ringOf(web));
    await flows.goOn();
    flows.stop();
  }

  function on(name: string): LabContainer {
    const found = web.find((each) => each.name === name);
    if (found === undefined) throw new Error(`${name} does not run`);
    return found;
  }
});
