import { differences, type HostState } from '@causeway/lab/host-state';
import { GenericContainer, type StartedTestContainer } from 'testcontainers';
import { beforeAll, describe, expect, it } from 'vitest';
import { startContainerd } from '../support/containerd.ts';
import { startDocker, useTestcontainers } from '../support/docker-engine.ts';
import { output, useLab } from '../support/lab.ts';
import { busyboxTar } from '../support/root-tar.ts';

/** A real Docker engine on a host of the lab, as the tests of others' containers use it. */
const up = useLab({ name: 'engine', hosts: 1, bare: true });
const IMAGE = 'local/busybox:1';

describe('a Docker engine on a host of the lab', () => {
  let before: HostState;

  beforeAll(async () => {
    before = await up.lab.stateOf('host-1');
    const engine = await startDocker(up.lab, 'host-1');
    await engine.import(IMAGE, await busyboxTar('sh', 'sleep', 'ip', 'cat'));
    useTestcontainers(engine);
  });

  it('runs containers without a network for testcontainers, and asks nobody for their image', async () => {
    const container = await started();
    const links = await container.exec(['ip', '-o', 'link']);
    expect(links.output.trim().split('\n')).toEqual([expect.stringMatching(/^1: lo: /)]);
    await container.stop();
  });

  it('changes nothing of the host’s network', async () => {
    expect(differences(before, await up.lab.stateOf('host-1'))).toEqual([]);
  });

  const started = (): Promise<StartedTestContainer> =>
    new GenericContainer(IMAGE).withNetworkMode('none').withCommand(['sleep', '1000000']).start();
});

describe('a containerd on a host of the lab', () => {
  it('runs containers without a network, of an image that it was given', async () => {
    const containerd = await startContainerd(up.lab, 'host-1');
    await containerd.import(IMAGE, await busyboxTar('sh', 'sleep', 'ip'));
    await containerd.run('plain', IMAGE, 'sleep', '1000000');
    const pid = await output(
      up.lab,
      'host-1',
      'cat',
      '/run/containerd/io.containerd.runtime.v2.task/default/plain/init.pid',
    );
    const links = await output(up.lab, 'host-1', 'nsenter', '-t', pid, '-n', 'ip', '-o', 'link');
    expect(links.split('\n')).toEqual([expect.stringMatching(/^1: lo: /)]);
    await containerd.remove('plain');
  });
});
