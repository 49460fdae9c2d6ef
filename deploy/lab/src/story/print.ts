import type { Outcome } from './story.ts';

const COLOURS = process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
const paint = (code: number, text: string) => (COLOURS ? `\u001b[${code}m${text}\u001b[0m` : text);

export function printSection(number: number, title: string, dataplane: string): void {
  console.log(`\n${paint(1, `${number}. ${title}`)} ${paint(2, `(${dataplane})`)}`);
}

/** What was asked, the command, what came back. */
export function printOutcome(outcome: Outcome): void {
  console.log(`  ${outcome.held ? paint(32, '✓') : paint(31, '✗')} ${outcome.ask}`);
  console.log(`      ${paint(2, `$ ${outcome.command}`)}`);
  for (const line of outcome.came.split('\n')) console.log(`      ${line}`);
}

/** The last line of a story, which machines read. */
export function printTotal(outcomes: readonly Outcome[]): void {
  const failed = outcomes.filter((outcome) => !outcome.held);
  if (failed.length > 0) console.log(`\n${paint(31, 'What did not hold:')}`);
  for (const outcome of failed) {
    console.log(`  ✗ ${outcome.section}: ${outcome.ask}\n      $ ${outcome.command}\n      ${outcome.came}`);
  }
  console.log(`\n${outcomes.length - failed.length} passed, ${failed.length} failed`);
}

export function printNext(host: string): void {
  console.log(`
The cluster is up. In another terminal, in this folder:

  npx svcctl get nodes
  npx svcctl expose :80 --to web-1:12345 --wait
  npm run lab -- exec ${host} -- ip route show proto 88
  npm run lab -- exec ${host} -- nft list table ip causeway
  npm run lab -- shell ${host}

Ctrl-C takes everything down.`);
}
