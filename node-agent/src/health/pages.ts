import { checksOf, isAlive } from './checks.ts';
import type { HealthState } from './state.ts';

export interface Page {
  readonly status: 200 | 404 | 405 | 503;
  readonly type: string;
  readonly body: string;
}

const TEXT = 'text/plain; charset=utf-8';
/** Prometheus' text format. */
const METRICS = 'text/plain; version=0.0.4; charset=utf-8';
const JSON_TYPE = 'application/json; charset=utf-8';

/** The agent's loop turns. Says nothing of etcd or of the kernel: restarting the agent would mend neither. */
export function healthz(state: HealthState): Page {
  return page(isAlive(state), TEXT, isAlive(state) ? 'ok\n' : 'the loop hangs\n');
}

/** All that this host should hold and hear of is there. @param verbose one line for each check */
export function readyz(state: HealthState, verbose: boolean): Page {
  const checks = checksOf(state);
  const ok = checks.every((check) => check.ok);
  const lines = checks
    .filter((check) => verbose || !check.ok)
    .map(
      (check) =>
        `[${check.ok ? '+' : '-'}]${oneLine(check.name)} ${word(check.ok)}: ${oneLine(check.told)}\n`,
    );
  const last = verbose || !ok ? `readyz check ${ok ? 'passed' : 'failed'}\n` : 'ok\n';
  return page(ok, TEXT, `${lines.join('')}${last}`);
}

/** The same as data: the state, and the checks that were made of it. */
export function status(state: HealthState): Page {
  const checks = checksOf(state);
  const ready = checks.every((check) => check.ok);
  return { status: 200, type: JSON_TYPE, body: `${JSON.stringify({ ready, ...state, checks }, null, 2)}\n` };
}

/** For Prometheus; the few figures that an alarm or a graph is made of. */
export function metrics(state: HealthState): Page {
  const { etcd, place, loop, peers, healthChecks, problems } = state;
  const installed = peers.filter((peer) => peer.state === 'installed').length;
  const ready = checksOf(state).every((check) => check.ok);
  const { ownership, liveness } = place.leaseLeftMs;
  const lines = [
    ...gauge('ready', 'Whether /readyz passes.', Number(ready)),
    ...gauge('peers_wanted', "Other hosts' subnets that this host knows.", peers.length),
    ...gauge('peers_installed', 'Those of them that the kernel leads to.', installed),
    ...gauge('endpoints_asked', 'Endpoints whose health this host asks for.', healthChecks.asked),
    ...gauge('endpoints_unhealthy', 'Those of them that are not healthy.', healthChecks.unhealthy),
    ...gauge('problems', 'Sentences in /status under problems.', problems.length),
    ...counter('repairs_total', 'Steps that mended what had been right before.', loop.repairs),
    ...(etcd.lastWordMs === undefined
      ? []
      : gauge('etcd_last_word_seconds', 'Age of the last word from etcd.', etcd.lastWordMs / 1_000)),
    ...(place.joined
      ? [
          ...head('lease_left_seconds', 'gauge', 'Until the lease runs out if nothing more is heard.'),
          `causeway_lease_left_seconds{lease="ownership"} ${Math.max(0, ownership / 1_000)}`,
          `causeway_lease_left_seconds{lease="liveness"} ${Math.max(0, liveness / 1_000)}`,
        ]
      : []),
    ...head('round_seconds', 'summary', 'Rounds of the loop, and the time that they took.'),
    `causeway_round_seconds_sum ${loop.totalMs / 1_000}`,
    `causeway_round_seconds_count ${loop.rounds}`,
  ];
  return page(true, METRICS, `${lines.join('\n')}\n`);
}

/** @param pages those that there are */
export function notFound(pages: readonly string[]): Page {
  return { status: 404, type: TEXT, body: `there are ${pages.join(', ')}\n` };
}

export function notServed(method: string): Page {
  return { status: 405, type: TEXT, body: `${oneLine(method)} is not served: the pages are read with GET\n` };
}

function gauge(name: string, help: string, value: number): readonly string[] {
  return [...head(name, 'gauge', help), `causeway_${name} ${value}`];
}

function counter(name: string, help: string, value: number): readonly string[] {
  return [...head(name, 'counter', help), `causeway_${name} ${value}`];
}

function head(name: string, type: string, help: string): readonly string[] {
  return [`# HELP causeway_${name} ${help}`, `# TYPE causeway_${name} ${type}`];
}

function page(ok: boolean, type: string, body: string): Page {
  return { status: ok ? 200 : 503, type, body };
}

function word(ok: boolean): string {
  return ok ? 'ok' : 'failed';
}

/** A reason may hold what others wrote; a line of the page is one check all the same. */
function oneLine(text: string): string {
  return text.replace(/\p{Cc}+/gu, ' ').trim();
}
