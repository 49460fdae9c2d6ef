/** How the generation of a host's packet filter goes up: with each transaction, whatever its size. */
export interface Generations {
  /** Moment of the last one, on the clock of `performance.now`. */
  readonly last: number;
  readonly count: number;
  close(): void;
}

/** Starts a program in the host's network namespace. @returns what ends it */
export type SpawnOnHost = (argv: readonly string[], onLine: (line: string) => void) => () => void;

/**
 * Asks the kernel each other millisecond for its generation, some microseconds of work. `nft monitor` would lose count of
 * a first load, and take more time over it than the agent.
 */
export function watchGenerations(spawn: SpawnOnHost): Generations {
  let last = Number.NaN;
  let count = 0;
  const close = spawn(['perl', '-e', ASK], (line) => {
    // Both are CLOCK_MONOTONIC; node's has an origin of its own.
    last = Number(line) * 1_000 - origin();
    count += 1;
  });
  return {
    get last() {
      return last;
    },
    get count() {
      return count;
    },
    close,
  };
}

function origin(): number {
  return Number(process.hrtime.bigint()) / 1e6 - performance.now();
}

/** NFT_MSG_GETGEN (16) of nfnetlink's subsystem 10; the answer's attribute 1 is the number. */
const ASK = `
use strict;
use Socket;
use Time::HiRes qw(usleep clock_gettime CLOCK_MONOTONIC);
$| = 1;
socket(my $netlink, 16, SOCK_RAW, 12) or die "netlink: $!";
my $seen;
while (1) {
  send($netlink, pack('L S S L L C C n', 20, (10 << 8) | 16, 1, 1, 0, 0, 0, 0), 0) or die "asking: $!";
  defined recv($netlink, my $answer, 4096, 0) or die "hearing: $!";
  my $generation = unpack('N', substr($answer, 24, 4));
  printf "%.6f\\n", clock_gettime(CLOCK_MONOTONIC) if defined $seen && $generation != $seen;
  $seen = $generation;
  usleep 2000;
}
`;
