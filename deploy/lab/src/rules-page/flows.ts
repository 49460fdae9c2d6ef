import type { Dataplane } from '@causeway/shared/model/dataplane';
import type { Lab } from '../lab.ts';

/** A connection through the VIP, as conntrack on host-1 remembers it. */
export interface Flow {
  readonly who: string;
  /** `src=… dst=… sport=… dport=…` of the packets as they came, and of the answers to expect. */
  readonly asked: string;
  readonly answered: string;
}

interface Case {
  readonly who: string;
  readonly machine: string;
  /** Enters the container's network. */
  readonly inside: readonly string[];
  /** The endpoint that must be drawn. */
  readonly endpoint: string;
}

const IN_WEB_1 = ['ip', 'netns', 'exec', 'cwy-web-1'];
const CASES: readonly Case[] = [
  { who: 'web-1 asks, web-2 is drawn', machine: 'host-1', inside: IN_WEB_1, endpoint: 'web-2' },
  { who: 'web-1 asks, web-1 itself is drawn', machine: 'host-1', inside: IN_WEB_1, endpoint: 'web-1' },
  { who: 'the outside client asks, web-2 is drawn', machine: 'client', inside: [], endpoint: 'web-2' },
];

/** What the page shows for whichever port a client took. */
const SHOWN_PORT = 20_001;
/** Where clients take theirs: below those that the kernel gives out, and never twice, as it keeps them for a minute. */
const FIRST_PORTS: Readonly<Record<Dataplane, number>> = { nftables: 20_001, iptables: 21_001 };
/** curl's exit code when its port is taken. */
const PORT_TAKEN = 45;
/** One of two endpoints fails to be drawn so often once in 2⁶⁰ runs. */
const TRIES = 60;

/** Makes each connection, and looks it up. @throws Error when an endpoint is not drawn, or nothing is remembered */
export async function flowsThrough(lab: Lab, vip: string): Promise<readonly Flow[]> {
  const flows: Flow[] = [];
  for (const [i, one] of CASES.entries())
    flows.push(await flowOf(lab, vip, one, FIRST_PORTS[lab.dataplane] + i * TRIES));
  return flows;
}

async function flowOf(lab: Lab, vip: string, { who, machine, inside, endpoint }: Case, first: number) {
  for (let port = first; port < first + TRIES; port += 1) {
    const curl = ['curl', '-sS', '-m', '10', '--local-port', `${port}`, `http://${vip}:88/hello`];
    const { exitCode, stdout, stderr } = await lab.exec(machine, [...inside, ...curl]);
    if (exitCode === PORT_TAKEN) continue;
    if (stdout.trim() === `hello from ${endpoint}`) return remembered(lab, vip, who, port);
    if (stdout === '') throw new Error(`${who}: ${stderr.trim()}`);
  }
  throw new Error(`${who}: not once in ${TRIES} connections`);
}

async function remembered(lab: Lab, vip: string, who: string, port: number): Promise<Flow> {
  const list = ['conntrack', '-L', '-p', 'tcp', '--orig-dst', vip, '--orig-port-src', `${port}`];
  const { stdout } = await lab.exec('host-1', list);
  const tuples = [...stdout.matchAll(/src=\S+ dst=\S+ sport=\d+ dport=\d+/g)].map(([tuple]) => tuple);
  const [asked, answered] = tuples.map((tuple) => tuple.replace(`port=${port}`, `port=${SHOWN_PORT}`));
  if (asked === undefined || answered === undefined)
    throw new Error(`${who}: conntrack does not know it: ${stdout}`);
  // What masquerading draws is another number each time.
  const drawn = `dport=${SHOWN_PORT}`;
  return { who, asked, answered: answered.endsWith(drawn) ? answered : answered.replace(/\d+$/, 'drawn') };
}
