import { beforeAll, describe, expect, it } from 'vitest';
import { svcctl } from '../support/faults.ts';
import { useLab } from '../support/lab.ts';
import { MEASURED_PORT, MEASUREMENTS, measure, startServer } from '../support/netperf.ts';
import { runContainer } from '../support/seeds.ts';

/**
 * The text "the whole way of a packet" (S3), its last chapter: netperf's measurements by veth and bridge, and by macvlan,
 * which is on the physical link itself.
 */
const up = useLab({ name: 'seed-s3-paths', hosts: 2 });
const VIP = '2.2.2.2';
const macvlan = (address: string) => [
  ...['--network', 'macvlan:eth0', '--address', `${address}/24`],
  ...['--gateway', '192.168.122.1'],
];
let near = '';
let far = '';

beforeAll(async () => {
  const { lab } = up;
  await runContainer(lab, 'asker', { host: 'host-1' });
  near = await runContainer(lab, 'near', { host: 'host-1' });
  far = await runContainer(lab, 'far', { host: 'host-2' });
  await runContainer(lab, 'fast-1', { host: 'host-1', flags: macvlan('192.168.122.51') });
  await runContainer(lab, 'fast-2', { host: 'host-2', flags: macvlan('192.168.122.52') });
  for (const name of ['near', 'far', 'fast-2']) await startServer(lab, name);
  const ports = ['--port', `tcp=${MEASURED_PORT}`, '--port', `udp=${MEASURED_PORT}/udp`];
  await svcctl(lab, 'expose', VIP, '--name', 'measured', ...ports, '--to', 'far', '--wait');
});

describe.each([
  { path: 'a veth pair, the bridge and another veth pair', from: 'asker', to: () => near },
  { path: 'the bridges of two hosts and the route between them', from: 'asker', to: () => far },
  { path: 'a service’s address', from: 'asker', to: () => VIP },
  { path: 'macvlan, on the physical links of two hosts', from: 'fast-1', to: () => '192.168.122.52' },
])('S3: netperf’s measurements by $path', ({ from, to }) => {
  it.each(MEASUREMENTS)('%s: all that was sent has arrived', async (measurement) => {
    const { sent, received } = await measure(up.lab, from, to(), measurement);
    expect(sent).toBeGreaterThan(0);
    expect(received).toBe(sent);
  });
});
