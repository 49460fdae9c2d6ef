import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '@causeway/lab/lab';
import { output } from './lab.ts';

/** What a host's kernel held after one transaction of rules. */
export interface Held {
  /** When the transaction began, and when it was over for sure; milliseconds since 1970. */
  readonly from: number;
  readonly to: number;
  /** It was a part of one that the kernel had refused. */
  readonly isPart: boolean;
  /** Of the program that changed them: `nft list ruleset`, or `iptables-save -t nat` of both families. */
  readonly listing: string;
}

/** Where in a change something happens to who makes it: before its transaction, or after. */
export type Moment = 'before' | 'after';

/**
 * Every transaction of rules, by any agent, goes through programs of ours that stand before the real ones; after each
 * of them the kernel is listed. So no state of it is missed, whoever is how slow.
 */
export interface RuleLog {
  /** What the host's kernel has held since the last call, the oldest first. */
  news(host: string): readonly Held[];
  /** How many transactions there have been on a host. */
  count(host: string): number;
  /** Kills the agent of a host with its next transaction but so many. */
  kill(host: string, moment: Moment, skip?: number): void;
  /** Whether a kill that was asked for is still to come. */
  isDue(host: string): boolean;
}

const BOTH = 'iptables-nft-save -t nat && ip6tables-nft-save -t nat';
/** How what each program has changed is listed. */
const LISTS = {
  nft: 'nft list ruleset',
  'iptables-nft-restore': BOTH,
  'ip6tables-nft-restore': BOTH,
} as const;
const PROGRAMS = ['nft', 'iptables-nft-restore', 'ip6tables-nft-restore', 'conntrack'] as const;

export async function openRuleLog(lab: Lab): Promise<RuleLog> {
  const directory = join(lab.directory, 'rule-log');
  const at = (host: string, name: string) => join(directory, host, name);
  for (const host of lab.hosts) {
    mkdirSync(join(directory, host), { recursive: true });
    writeFileSync(at(host, 'count'), '0\n');
  }
  for (const program of PROGRAMS) {
    const real = await output(lab, 'client', 'sh', '-c', `command -v ${program}`);
    const place = join(lab.directory, 'bin', program);
    writeFileSync(
      `${place}.new`,
      program === 'conntrack' ? killer(directory, real) : logger(directory, real, LISTS[program]),
    );
    chmodSync(`${place}.new`, 0o755);
    renameSync(`${place}.new`, place);
  }
  const read = new Map<string, number>();
  /** By host, the lines of what its kernel refused. */
  const refused = new Map<string, ReadonlySet<string>>();
  return {
    news: (host) => {
      const names = readdirSync(join(directory, host)).flatMap(
        (name) => /^(\d+)\.out$/.exec(name)?.[1] ?? [],
      );
      const from = read.get(host) ?? 0;
      const fresh = names
        .map(Number)
        .filter((n) => n > from)
        .sort((a, b) => a - b);
      read.set(host, fresh.at(-1) ?? from);
      return fresh.map((n) => {
        const lines = linesOf(readFileSync(at(host, `${n}.in`), 'utf8'));
        const isPart = lines.every((line) => refused.get(host)?.has(line));
        if (readFileSync(at(host, `${n}.code`), 'utf8') !== '0\n') refused.set(host, new Set(lines));
        else if (!isPart) refused.delete(host);
        return {
          isPart,
          from: statSync(at(host, `${n}.in`)).mtimeMs,
          to: statSync(at(host, `${n}.out`)).mtimeMs,
          listing: readFileSync(at(host, `${n}.out`), 'utf8'),
        };
      });
    },
    count: (host) => Number(readFileSync(at(host, 'count'), 'utf8')),
    kill: (host, moment, skip = 0) => {
      writeFileSync(at(host, 'kill.new'), `${moment} ${skip}\n`);
      renameSync(at(host, 'kill.new'), at(host, 'kill'));
    },
    isDue: (host) => existsSync(at(host, 'kill')),
  };
}

/** Of a payload, as its parts have them, too. */
function linesOf(input: string): readonly string[] {
  return input.split('\n').map((line) => line.replace(/,$/, ''));
}

/** In front of what changes rules. */
function logger(directory: string, real: string, list: string): string {
  return `#!/bin/sh
case " $* " in
*" -f - "* | *" --noflush "*) ;;
*) exec '${real}' "$@" ;;
esac
read -r host </proc/sys/kernel/hostname
cd '${directory}'/"$host"
read -r n <count
n=$((n + 1))
echo $n >count.new
mv count.new count
cat >$n.in
${DEATH}
[ "$moment" = before ] && die && exit 1
'${real}' "$@" <$n.in
code=$?
until { ${list}; } >$n.new 2>$n.complaint; do sleep 0.01; done
echo "$code" >$n.code
mv $n.new $n.out
[ "$moment" = after ] && die
exit $code
`;
}

/** In front of what makes the kernel forget flows, which is a step of a change, too. */
function killer(directory: string, real: string): string {
  return `#!/bin/sh
case " $* " in
*" --load-file "* | *" -D "*) ;;
*) exec '${real}' "$@" ;;
esac
read -r host </proc/sys/kernel/hostname
cd '${directory}'/"$host"
${DEATH}
[ "$moment" = before ] && die && exit 1
'${real}' "$@"
code=$?
[ "$moment" = after ] && die
exit $code
`;
}

/** Says in \`$moment\` whether the agent dies now. */
const DEATH = `die() {
  read -r agent _ </run/causeway/agent.lock
  kill -9 "$agent"
}
moment=
if [ -e kill ]; then
  read -r wish skip <kill
  if [ "$skip" = 0 ]; then
    moment=$wish
    rm kill
  else
    echo "$wish $((skip - 1))" >kill
  fi
fi`;
