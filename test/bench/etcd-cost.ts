import type { Lab } from '@causeway/lab/lab';

/** What clients have cost an etcd since it started, by its own count. */
export interface EtcdCost {
  /** Answered calls, without the streams that keep leases alive and that watch. */
  readonly requests: number;
  readonly transactions: number;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

export interface EtcdMeter extends EtcdCost {
  since(before: EtcdCost): EtcdCost;
}

const UNARY = ['Range', 'Txn', 'LeaseGrant', 'LeaseRevoke', 'LeaseTimeToLive'];

/** @param endpoint `http://127.0.0.1:PORT` */
export async function etcdCost(endpoint: string): Promise<EtcdMeter> {
  return meterOf(await (await fetch(`${endpoint}/metrics`)).text());
}

/** The same of a lab's etcd, which only the lab's machines reach. */
export async function etcdCostIn(lab: Lab): Promise<EtcdMeter> {
  const { stdout, stderr, exitCode } = await lab.exec('host-1', ['curl', '-sSf', `${lab.etcd}/metrics`]);
  if (exitCode !== 0) throw new Error(`asking etcd what it has done: ${stderr}`);
  return meterOf(stdout);
}

function meterOf(text: string): EtcdMeter {
  const calls = (method: string) => sumOf(text, 'grpc_server_handled_total', `grpc_method="${method}"`);
  const cost: EtcdCost = {
    requests: UNARY.reduce((sum, method) => sum + calls(method), 0),
    transactions: calls('Txn'),
    receivedBytes: sumOf(text, 'etcd_network_client_grpc_received_bytes_total'),
    sentBytes: sumOf(text, 'etcd_network_client_grpc_sent_bytes_total'),
  };
  return {
    ...cost,
    since: (before) => ({
      requests: cost.requests - before.requests,
      transactions: cost.transactions - before.transactions,
      receivedBytes: cost.receivedBytes - before.receivedBytes,
      sentBytes: cost.sentBytes - before.sentBytes,
    }),
  };
}

/** Of all series of a metric that have the label. */
function sumOf(text: string, metric: string, label = ''): number {
  return text
    .split('\n')
    .filter(
      (line) => line.startsWith(metric) && /[{ ]/.test(line[metric.length] ?? '') && line.includes(label),
    )
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0);
}
