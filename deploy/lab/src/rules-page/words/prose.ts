import type { Dataplane } from '@causeway/shared/model/dataplane';

/** The page's beginning. */
export const HEAD = (
  commands: readonly string[],
  policy: string,
  versions: readonly string[],
): string => `# The rules, one by one

What a host's kernel holds when Causeway serves one service, and publishes a port of one container that has a policy, in
both rule languages: nothing is left out. You need no Kubernetes, and nothing of Causeway, to follow it. The example is the one with which a Kubernetes Service is often built by
hand: one address, 2.2.2.2:88, for two web servers that listen on port 12345 on two hosts, and port 30001 of every host
for those outside.

    host-1  192.168.122.11   containers 10.10.63.0/24   web-1 10.10.63.2:12345
    host-2  192.168.122.12   containers 10.10.14.0/24   web-2 10.10.14.2:12345
                             all containers: 10.10.0.0/16

Besides, host-1 has a container \`shop\`, 10.10.63.3, that port 8080 of the host leads to, and a policy about it.

    ${commands.join('\n    ')}
    npx svcctl policy apply -f shop.yaml --wait

\`\`\`yaml
${policy}\`\`\`

All rules here are those of host-1; host-2 has the same with its own subnet, but for what \`shop\` brings. To look at such rules alive, \`npm start\`, and in
another terminal \`npm run lab -- exec host-1 -- nft list table ip causeway\`.

This page is generated: \`npm run docs:rules\` brings up a cluster, makes the example, reads the kernel of host-1 and writes
the page anew. \`npm test\` does the same and fails where the page says something else. The words are in
\`deploy/lab/src/rules-page/words\`, looked up by a rule's shape; a rule without words fails it as well. The listings are those of
${versions.join(' and ')}. Counters are left out, and so is the fingerprint of the rule that ends each comment in
nftables, \`[87b859]\`, by which an agent finds out whether a rule is still as it was.

Four words that everything here rests on: **dnat** replaces a packet's destination, **masquerade** its source by an address of
the host that it leaves; **conntrack** is the kernel's memory of connections, by which it does to all later packets what the
rules did to the first, and the reverse to the answers; a **mark** is a number that a packet carries on its way through one
host, and that no wire ever sees.

What each comment in the kernel says in brief is said below at length.`;

export const INTROS: Readonly<Record<Dataplane, string>> = {
  nftables: `One table, \`causeway\`, of Causeway's own, changed in one transaction each time; \`nft delete table ip causeway\` removes
all of it. Services are elements of maps, not rules: the chains below are nearly the same for one service and for thirty
thousand.

The way of a connection's first packet, where web-2 is drawn:`,
  iptables: `The same behaviour in the older language, for hosts without nft: \`--dataplane iptables\`. It has no maps, so a service is a
chain and each of its endpoints another, as in kube-proxy's iptables mode and as one builds it by hand. Rules stand in the
kernel's tables among those of others; what is Causeway's starts with \`CWY-\`.

The way of the same packet:`,
};

export const IN_IPV6: Readonly<Record<Dataplane | 'title', string>> = {
  title: 'IPv6',
  nftables: `The service has a VIP of IPv6 too, so the table \`ip6 causeway\` holds the same once more, with the addresses of that family:
2001:db8:2::2 for 2.2.2.2, fd00:10::/48 for 10.10.0.0/16. Each of its rules was looked up in the words above; these are
the ones that IPv4 has not:`,
  iptables: `\`ip6tables-save\` lists the same with the addresses of that family, and besides:`,
};

export const FLOWS = {
  before: `## What the kernel remembers

Three connections of the example, as conntrack on host-1 lists them (\`conntrack -L\`, without times and states): how a packet
came, and the answer that is to be expected. The differences between the two are all that the rules did; both languages
do the same. Ports that masquerading draws are shown as \`drawn\`.`,
  after:
    'First: the destination alone is replaced, and the answer goes to web-1 as it is. Second, the hairpin: the source is replaced by the bridge’s address. Third: the client is no container, so web-2 sees host-1 and answers there.',
} as const;

export const END = `## What is not here

Rules that only some services need are there only while one needs them: source ranges, client affinity, the services' policies
\`local\`. [architecture.md](architecture.md) lists them, [services.md](services.md) says what they do. Why an agent finds
out that somebody has changed a rule, and puts it back: [repair.md](repair.md).`;
