import { createInterface } from 'node:readline';
import type { Lab } from '@causeway/lab/lab';
import { viewOf } from './seeds.ts';

/** Where packets are looked at: a link of a machine, or of a container that is there. */
export interface Point {
  readonly member: string;
  readonly link: string;
  readonly container?: string;
}

/** One that passed, with the addresses of its frame. */
export interface Packet {
  readonly fromMac: string;
  readonly toMac: string;
  readonly from: string;
  readonly to: string;
  /** `echo request`, `echo reply`, or the number of IP's protocol. */
  readonly what: string;
}

/**
 * What passes several points while something is done, in IPv4: what tcpdump would show, which in a lab's namespaces ends
 * because it cannot become another user.
 */
export async function capture(
  lab: Lab,
  points: readonly Point[],
  action: () => Promise<unknown>,
): Promise<readonly (readonly Packet[])[]> {
  const watchers = await Promise.all(points.map((point) => watch(lab, point)));
  await action();
  return Promise.all(watchers.map((end) => end()));
}

/** Argument: a link. Says `ready`, and then each packet in a line. */
const LISTEN = `
use Socket; $| = 1;
socket(my $s, 17, SOCK_RAW, unpack('S', pack('n', 3))) or die "socket: $!";
my $request = pack('a16 x24', $ARGV[0]);
ioctl($s, 0x8933, $request) or die "$ARGV[0]: $!";
bind($s, pack('S n i S C C a8', 17, 3, unpack('x16 i', $request), 0, 0, 0, '')) or die "bind: $!";
print "ready\\n";
while (defined recv($s, my $frame, 2048, 0)) {
  my ($to, $from, $type) = unpack('H12 H12 n', $frame);
  next if $type != 0x0800;
  my $ip = substr($frame, 14);
  my ($length, $protocol) = unpack('C x8 C', $ip);
  my $icmp = $protocol == 1 ? unpack('C', substr($ip, ($length & 15) * 4)) : -1;
  my $what = $icmp == 8 ? 'echo request' : $icmp == 0 ? 'echo reply' : $protocol;
  print join(' ', $from, $to, inet_ntoa(substr($ip, 12, 4)), inet_ntoa(substr($ip, 16, 4)), $what), "\\n";
}`;

async function watch(lab: Lab, { member, link, container }: Point) {
  const enter =
    container === undefined ? [] : ['nsenter', '-t', `${(await viewOf(lab, container)).status?.pid}`, '-n'];
  const child = lab.spawn(member, [...enter, 'perl', '-e', LISTEN, link]);
  const packets: Packet[] = [];
  let said = '';
  child.stderr.on('data', (chunk) => {
    said += chunk;
  });
  await new Promise<void>((resolve, reject) => {
    child.on('exit', () => reject(new Error(`listening at ${link} of ${member}: ${said}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line === 'ready') return resolve();
      const [fromMac = '', toMac = '', from = '', to = '', ...what] = line.split(' ');
      packets.push({ fromMac, toMac, from, to, what: what.join(' ') });
    });
  });
  return async () => {
    // What was answered has passed everywhere; only its line may still be on its way.
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.removeAllListeners('exit');
    child.kill();
    return packets;
  };
}
