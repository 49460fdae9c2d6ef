/**
 * SCTP without sockets, which not every kernel has: programs for perl, a part of every Debian, that make the packets by
 * hand. An association begins with INIT; who is asked answers with INIT ACK (RFC 9260, 3.3.2 and 3.3.3), here with his
 * words as a parameter of it, which lies in the range of those to skip (3.2.1).
 */
const COMMON = `
use strict;
use Socket qw(:DEFAULT inet_pton inet_ntop);
use constant { SCTP => 132, INIT => 1, INIT_ACK => 2, WORDS => 0x8000 };

# Kernels drop what has another checksum: CRC-32C, the lowest byte first (RFC 9260, appendix A).
sub crc32c {
  my $crc = 0xffffffff;
  for my $byte (unpack 'C*', $_[0]) {
    $crc ^= $byte;
    $crc = $crc & 1 ? ($crc >> 1) ^ 0x82f63b78 : $crc >> 1 for 1 .. 8;
  }
  return $crc ^ 0xffffffff;
}

# Both chunks begin alike: own tag, room, streams out and in, first number.
sub packet {
  my ($from, $to, $tag, $type, $own, $words) = @_;
  my $parameter = $words eq '' ? '' : pack('n n a*', WORDS, 4 + length $words, $words);
  my $chunk = pack('C C n N N n n N a*', $type, 0, 20 + length $parameter, $own, 65536, 1, 1, 1, $parameter);
  my $packet = pack('n n N N a*', $from, $to, $tag, 0, $chunk . "\\0" x (-length($chunk) % 4));
  substr($packet, 8, 4) = pack('V', crc32c($packet));
  return $packet;
}

# Sockets of IPv4 hand out the IP header, too.
sub receive {
  my ($socket, $isIpv6) = @_;
  my $peer = recv($socket, my $packet, 65535, 0);
  return if !defined $peer;
  $packet = substr($packet, 4 * (ord($packet) & 15)) if !$isIpv6;
  my ($from, $to, $tag, $sum, $type, $flags, $length, $own) = unpack('n n N N C C n N', $packet);
  my ($what, $size) = unpack('n n', substr($packet, 32));
  my $words = ($what // 0) == WORDS ? substr($packet, 36, $size - 4) : '';
  return { peer => $peer, from => $from, to => $to, type => $type // 0, own => $own, words => $words };
}
`;

/** Answers every INIT with its name, the address that it sees, and the port that was asked. Arguments: name. */
export const SCTP_SERVER = `${COMMON}
$| = 1;
my ($name) = @ARGV;
socket(my $ipv4, AF_INET, SOCK_RAW, SCTP) or die "socket: $!";
socket(my $ipv6, AF_INET6, SOCK_RAW, SCTP) or die "socket: $!";
print "ready\\n";
for (;;) {
  my $waiting = '';
  vec($waiting, fileno $_, 1) = 1 for $ipv4, $ipv6;
  select($waiting, undef, undef, undef);
  for my $socket ($ipv4, $ipv6) {
    next if !vec($waiting, fileno $socket, 1);
    my $isIpv6 = $socket == $ipv6;
    my $asked = receive($socket, $isIpv6) or next;
    next if $asked->{type} != INIT;
    my ($port, $address) = $isIpv6 ? unpack_sockaddr_in6($asked->{peer}) : unpack_sockaddr_in($asked->{peer});
    my $seen = inet_ntop($isIpv6 ? AF_INET6 : AF_INET, $address);
    my $answer = packet($asked->{to}, $asked->{from}, $asked->{own}, INIT_ACK, 1, "$name sees $seen on $asked->{to}");
    send($socket, $answer, 0, $asked->{peer});
  }
}
`;

/**
 * Sends one INIT. Arguments: address, port. Prints what was answered: what a server says, \`ECONNREFUSED\` or
 * \`silence\`.
 */
export const SCTP_CLIENT = `${COMMON}
my ($host, $port) = @ARGV;
my $isIpv6 = $host =~ /:/;
my $family = $isIpv6 ? AF_INET6 : AF_INET;
my $address = inet_pton($family, $host) or die "no address: $host";
socket(my $socket, $family, SOCK_RAW, SCTP) or die "socket: $!";
connect($socket, $isIpv6 ? pack_sockaddr_in6(0, $address) : pack_sockaddr_in(0, $address)) or die "connect: $!";
my $own = 32768 + int rand 28000;
send($socket, packet($own, $port, 0, INIT, 1 + int rand 0x7fffffff, ''), 0);
for (;;) {
  my $waiting = '';
  vec($waiting, fileno $socket, 1) = 1;
  if (!select($waiting, undef, undef, 10)) { print 'silence'; last }
  my $told = receive($socket, $isIpv6);
  if (!$told) { print $!{ECONNREFUSED} ? 'ECONNREFUSED' : "$!"; last }
  next if $told->{from} != $port || $told->{to} != $own || $told->{type} != INIT_ACK;
  print $told->{words};
  last;
}
`;
