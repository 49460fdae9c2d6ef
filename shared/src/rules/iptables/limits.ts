import type { LimitedMatch } from '../../desired/intent.ts';
import { safe } from '../safe.ts';

/** The kernel's unit of time for a rate: a ten-thousandth of a second. */
const SCALE = 10_000;
/** As iptables-save names them, the longest first. */
const UNITS = [
  ['day', 86_400 * SCALE],
  ['hour', 3_600 * SCALE],
  ['min', 60 * SCALE],
  ['sec', SCALE],
] as const;
const SECONDS = { second: 1, minute: 60, hour: 3_600 } as const;
/** What iptables-save does not say, since it is the default. */
const USUAL_BURST = 5;
/** The kernel counts what may come at once as time, in 32 bits: this much it always takes, whatever its clock. */
const MOST_SAVED = 86_400 * SCALE;

/**
 * `-m limit --limit 25/min --limit-burst 100`, as iptables-save writes it. Where the burst is worth more than a day of the
 * rate, which the match cannot count, it is cut to that.
 */
export function rateOf({ connections, per, burst }: Omit<LimitedMatch, 'matches'>): string {
  const period = Math.floor((SCALE * SECONDS[per]) / safe.count(connections));
  const most = Math.max(1, Math.floor(MOST_SAVED / period));
  const counted = Math.min(safe.count(burst), most);
  return `-m limit --limit ${textOf(period)}${counted === USUAL_BURST ? '' : ` --limit-burst ${counted}`}`;
}

/** iptables' own choice of the unit (libxt_limit, `print_rate`): the shortest one in which little is lost. */
function textOf(period: number): string {
  let [name, length]: readonly [string, number] = UNITS[0];
  for (const [shorter, ticks] of UNITS.slice(1)) {
    if (period > ticks || Math.floor(ticks / period) < ticks % period) break;
    [name, length] = [shorter, ticks];
  }
  return `${Math.floor(length / period)}/${name}`;
}
