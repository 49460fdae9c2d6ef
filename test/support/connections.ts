import type { Family } from '@causeway/shared/net/family';
import { type Asked, type Asker, MANY_SERVER, startAsker, startServer } from './asker.ts';
import { placesIn, placeText } from './fronts.ts';
import { portsFor, serviceName } from './random-services.ts';
import type { ServiceFaults } from './service-faults.ts';

/** Connections to services while these change, and who answered them. */
export interface Connections {
  /** Begins to connect, over and over, to services that there are at the moment. */
  begin(): void;
  /** Ends it, and waits for the last answers. */
  end(): Promise<void>;
  /**
   * Judges all that was asked, after the kernels were checked: whoever answered must be one that the kernel in question
   * led to at that time; and where it led to the same places all the time, nobody was refused.
   *
   * @returns a sentence for each fault
   */
  judge(): readonly string[];
  /** How many were answered so far, and how many asked. */
  readonly answered: number;
  readonly asked: number;
}

/** Where somebody asks, and whose packet filter translates for him. */
interface Place {
  readonly asker: Asker;
  /** Undefined: from outside, at the NodePorts of any host. */
  readonly host: string | undefined;
}

interface Question {
  readonly host: string;
  readonly family: Family;
  /** By its front; from outside there may be another one. */
  readonly fronts: readonly string[];
  readonly asked: Asked;
}

/** How many at once from each place; some wait for an answer that never comes. */
const AT_ONCE = 4;
const PAUSE_MS = 20;

export async function openConnections(faults: ServiceFaults, slots: number): Promise<Connections> {
  const { lab, chance, changes, checker } = faults;
  const containers = await lab.containers();
  const [first, count] = portsFor(slots);
  const server = (name: string) => [process.execPath, '-e', MANY_SERVER, name, String(first), String(count)];
  await Promise.all([
    ...containers.map(({ name, host }) =>
      startServer(lab, host, ['ip', 'netns', 'exec', `cwy-${name}`, ...server(name)]),
    ),
    ...['client', 'internet'].map((member) => startServer(lab, member, server(member))),
  ]);
  const servers = new Map<string, readonly string[]>([
    ...containers.map(({ name, address, ipv6Address = '' }) => [name, [address, ipv6Address]] as const),
    ...['client', 'internet'].map(
      (member) => [member, [lab.addressOf(member), lab.ipv6AddressOf(member)]] as const,
    ),
  ]);
  const places: readonly Place[] = [
    { asker: startAsker(lab, 'host-1', 'cwy-web-1'), host: 'host-1' },
    { asker: startAsker(lab, 'host-2'), host: 'host-2' },
    { asker: startAsker(lab, 'host-3', 'cwy-web-3'), host: 'host-3' },
    { asker: startAsker(lab, 'client'), host: undefined },
  ];
  let questions: Question[] = [];
  let [answered, asked, isOpen] = [0, 0, false];
  let running: Promise<unknown> = Promise.resolve();

  /** One that there is, as it was told last. */
  const choose = (host: string | undefined) => {
    const service = changes.services.get(serviceName(chance.below(slots)));
    const port = service === undefined ? undefined : chance.of(service.ports);
    if (service === undefined || port === undefined || port.protocol === 'sctp') return undefined;
    // They are mostly dropped, and whoever is waits for long.
    const isLocal = service.internalPolicy === 'local' || service.externalPolicy === 'local';
    if (isLocal && !chance.oneIn(5)) return undefined;
    const { protocol, nodePort } = port;
    if (host !== undefined) {
      if (service.vips.length === 0) return undefined;
      const vip = chance.of(service.vips);
      const front = `vip ${vip} ${protocol} ${port.port}`;
      return { host, family: familyOf(vip), fronts: [front], target: `${protocol} ${vip} ${port.port}` };
    }
    if (nodePort === undefined) return undefined;
    const at = chance.of(lab.hosts);
    const family = chance.of(service.families);
    const address = family === 'ipv4' ? lab.addressOf(at) : lab.ipv6AddressOf(at);
    const fronts = ['outside', 'node'].map((kind) => `${kind} ${protocol} ${nodePort}`);
    return { host: at, family, fronts, target: `${protocol} ${address} ${nodePort}` };
  };
  const askOn = async ({ asker, host }: Place): Promise<void> => {
    while (isOpen) {
      const chosen = choose(host);
      if (chosen === undefined) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      else questions.push({ ...chosen, asked: await asker.ask(chosen.target) });
    }
  };
  const faultOf = ({ host, family, fronts, asked: { target, from, to, answer } }: Question) => {
    const eras = fronts.flatMap((front) => checker.eras(host, family, front, from, to));
    const led = eras.map(({ value }) => placesIn(value ?? ''));
    const told = `${target} at ${host}: ${answer} (led to ${eras.map(({ value }) => value ?? 'nothing').join(' | ')})`;
    const [name = '', port = ''] = answer.split(' ');
    const addresses = servers.get(name);
    if (addresses !== undefined) {
      answered += 1;
      const isRight = addresses.some((one) => led.some((all) => all.includes(placeText(one, port))));
      return isRight ? undefined : `a wrong place: ${told}`;
    }
    // A busy machine may keep anybody waiting.
    const isSteady = eras.length === fronts.length && led.every((all) => all.length > 0);
    return isSteady && answer === 'ECONNREFUSED' ? `refused: ${told}` : undefined;
  };

  return {
    begin: () => {
      isOpen = true;
      const all = places.flatMap((place) => Array.from({ length: AT_ONCE }, () => askOn(place)));
      running = Promise.all(all);
    },
    end: async () => {
      isOpen = false;
      await running;
    },
    judge: () => {
      asked += questions.length;
      const found = questions.flatMap((question) => faultOf(question) ?? []);
      questions = [];
      return found;
    },
    get answered() {
      return answered;
    },
    get asked() {
      return asked;
    },
  };
}

function familyOf(address: string): Family {
  return address.includes(':') ? 'ipv6' : 'ipv4';
}
