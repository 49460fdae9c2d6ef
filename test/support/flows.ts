import { createInterface } from 'node:readline';
import type { Lab, LabContainer } from '@causeway/lab/lab';
import { expect } from 'vitest';

/**
 * Traffic between containers that goes on all the time: echo requests, new connections and one long stream from
 * each to each of its targets, with a count of what came through and a list of what did not.
 */
export interface Flows {
  /** Waits until every flow has come through `count` more times. */
  more(count: number): Promise<void>;
  /** One sentence for each loss; empty when everything came through. */
  lost(): readonly string[];
  /** Waits for more of everything, and fails the test when anything was lost since the start. */
  goOn(): Promise<void>;
  stop(): void;
}

/** Who talks to whom: the address of the target decides the family. */
export interface Pair {
  readonly from: LabContainer;
  readonly to: string;
}

interface Told {
  readonly flow: string;
  readonly through: number;
  readonly lost: readonly string[];
}

/** Enough that no kind of flow can have stood still unnoticed. */
const MANY = 25;

/** Each container talks to the next one on another host, by all addresses that it has. */
export function ringOf(containers: readonly LabContainer[]): Pair[] {
  const first = new Map(containers.toReversed().map((each) => [each.host, each]));
  const round = [...first.values()].sort((a, b) => a.host.localeCompare(b.host));
  return round.flatMap((from, i) => {
    const next = round[(i + 1) % round.length];
    const addresses = new Set([next?.address, next?.ipv6Address]);
    return [...addresses].flatMap((to) => (to === undefined ? [] : [{ from, to }]));
  });
}

export function startFlows(lab: Lab, pairs: readonly Pair[]): Flows {
  const sources = new Map(pairs.map(({ from }) => [from.name, from]));
  const streams = [...sources.values()].map((from) => startSource(lab, from, pairs));
  const lost = () => streams.flatMap((stream) => stream.lost());
  const more = async (count: number) => {
    await Promise.all(streams.map((stream) => stream.more(count)));
  };
  return {
    more,
    lost,
    goOn: async () => {
      await more(MANY);
      expect(lost()).toEqual([]);
    },
    stop: () => {
      for (const stream of streams) stream.stop();
    },
  };
}

function startSource(lab: Lab, from: LabContainer, pairs: readonly Pair[]): Omit<Flows, 'goOn'> {
  const targets = pairs.filter((pair) => pair.from.name === from.name).map(({ to }) => to);
  const inside = ['ip', 'netns', 'exec', `cwy-${from.name}`];
  const child = lab.spawn(from.host, [...inside, process.execPath, '-e', PROGRAM, JSON.stringify(targets)]);
  const flows = new Map<string, Told>();
  const waiting = new Set<() => void>();
  let complaint = '';
  let ended = false;
  const wakeAll = () => {
    for (const wake of waiting) wake();
  };
  child.stderr.on('data', (chunk) => {
    complaint += chunk;
  });
  child.on('exit', () => {
    ended = true;
    wakeAll();
  });
  createInterface({ input: child.stdout }).on('line', (line) => {
    for (const told of JSON.parse(line) as Told[]) flows.set(told.flow, told);
    wakeAll();
  });
  const reach = (goals: ReadonlyMap<string, number>) =>
    new Promise<void>((resolve, reject) => {
      const wake = () => {
        const reached = [...goals].every(([flow, goal]) => (flows.get(flow)?.through ?? 0) >= goal);
        if (!reached && !ended) return;
        waiting.delete(wake);
        if (reached) resolve();
        else reject(new Error(`the traffic from ${from.name} has ended: ${complaint}`));
      };
      waiting.add(wake);
      wake();
    });
  const names = targets.flatMap((to) => KINDS.map((kind) => `${kind} ${to}`));
  return {
    more: (count) => reach(new Map(names.map((name) => [name, (flows.get(name)?.through ?? 0) + count]))),
    lost: () =>
      [...flows.values()].flatMap(({ flow, lost }) => lost.map((what) => `${from.name}: ${flow}: ${what}`)),
    stop: () => {
      child.kill();
    },
  };
}

const KINDS = ['ping', 'connect', 'stream'] as const;

/**
 * For the machine's node, in the container's network namespace. An echo reply may take the time of 50 more requests, a
 * second, counted in ping's own lines: by a clock, replies would be lost that this program has not got round to read.
 * A connection has the patience to outlast two lost packets; the stream must bring every line back in order.
 */
const PROGRAM = `
const net = require('net');
const flows = new Map();
const flowOf = (flow) => {
  if (!flows.has(flow)) flows.set(flow, { flow, through: 0, lost: [] });
  return flows.get(flow);
};
setInterval(() => console.log(JSON.stringify([...flows.values()])), 50);

const ping = (to) => {
  const flow = flowOf('ping ' + to);
  const open = new Map();
  const child = require('child_process').spawn('ping', ['-n', '-O', '-i', '0.02', to]);
  child.on('exit', (code) => flow.lost.push('ping ended with ' + code));
  require('readline').createInterface({ input: child.stdout }).on('line', (line) => {
    const seq = Number(/icmp_seq=(\\d+)/.exec(line)?.[1]);
    if (Number.isNaN(seq)) return;
    if (/bytes from/.test(line)) { open.delete(seq); flow.through++; }
    else if (!open.has(seq)) open.set(seq, line);
    for (const [late, said] of open) {
      if (late + 50 > seq) continue;
      open.delete(late);
      flow.lost.push(said);
    }
  });
};

const connect = async (to) => {
  const flow = flowOf('connect ' + to);
  const attempt = () => new Promise((resolve) => {
    let said = '';
    const socket = net.connect({ host: to, port: 12345 });
    const end = (answer) => { resolve(answer); socket.destroy(); };
    socket.setTimeout(5000, () => end('silence'));
    socket.on('error', (error) => end(error.code));
    socket.on('connect', () => socket.write('GET /hello HTTP/1.0\\r\\n\\r\\n'));
    socket.on('data', (data) => { said += data; });
    socket.on('end', () => end(said.includes('hello from ') ? '' : 'cut off'));
  });
  for (;;) {
    const failed = await attempt();
    if (failed === '') flow.through++;
    else flow.lost.push(failed);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

const stream = (to) => {
  const flow = flowOf('stream ' + to);
  const socket = net.connect({ host: to, port: 7777 });
  let sent = 0;
  let pending = '';
  const timer = setInterval(() => socket.write(sent++ + '\\n'), 20);
  const broken = (why) => { clearInterval(timer); flow.lost.push('broken after ' + flow.through + ' lines: ' + why); };
  socket.on('error', (error) => broken(error.code));
  socket.on('end', () => broken('closed'));
  socket.on('data', (data) => {
    const lines = (pending + data).split('\\n');
    pending = lines.pop();
    for (const line of lines) {
      if (line !== String(flow.through)) flow.lost.push('line ' + flow.through + ' came as ' + line);
      flow.through++;
    }
  });
};

for (const to of JSON.parse(process.argv[1])) { ping(to); connect(to); stream(to); }
`;
