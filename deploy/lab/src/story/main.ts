import { messageOf } from '@causeway/shared/errors';
import { DATAPLANES, type Dataplane } from '@causeway/shared/model/dataplane';
import { createLab, type Lab } from '../lab.ts';
import { interruption, staying } from '../staying.ts';
import { STORY_NETWORK_IPV6 } from './places.ts';
import { printNext, printOutcome, printSection, printTotal } from './print.ts';
import { sections } from './sections/index.ts';
import { createStory, type Outcome } from './story.ts';

/**
 * `npm start`: brings up a cluster that lives as long as this process, shows that it works with each
 * dataplane, and leaves it up until Ctrl-C (`once`: takes it down).
 *
 * @returns the process's exit code: 0 only if every check held
 */
export async function tellStory(options: { readonly once: boolean }): Promise<number> {
  const interrupted = interruption();
  let isUp = false;
  void interrupted.then(() => {
    if (!isUp) console.error('\ninterrupted: it all goes down as soon as it is up');
  });
  const lab = await createLab({
    name: 'demo',
    networkIpv6: STORY_NETWORK_IPV6,
    lifetime: 'attached',
    progress: (line) => console.error(line),
  });
  isUp = true;
  let told: readonly Outcome[] | 'interrupted';
  try {
    const stop = new AbortController();
    told = await Promise.race([tellAll(lab, stop.signal), interrupted]);
    if (told === 'interrupted') stop.abort();
    if (told !== 'interrupted' && !options.once) {
      printTotal(told);
      printNext('host-1');
      await staying(lab.name, interrupted);
    }
  } finally {
    console.error('\ntaking everything down');
    await lab.down();
  }
  if (told === 'interrupted') return 130;
  // Last, so that it is the last line of all that was printed.
  if (options.once) printTotal(told);
  return told.every((outcome) => outcome.held) ? 0 : 1;
}

/** After `stop` nothing is told any more: what is still under way fails only because its lab is gone. */
async function tellAll(lab: Lab, stop: AbortSignal): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const report = (outcome: Outcome) => {
    if (stop.aborted) return;
    outcomes.push(outcome);
    printOutcome(outcome);
  };
  for (const dataplane of DATAPLANES) {
    if (lab.dataplane !== dataplane) await switchTo(lab, dataplane, report);
    for (const [index, section] of sections.entries()) {
      if (stop.aborted) return outcomes;
      printSection(index + 1, section.title, dataplane);
      const title = `${section.title} (${dataplane})`;
      await section
        .tell(createStory(lab, title, report))
        .catch((error: unknown) => report(broken(title, 'the section comes to its end', error)));
    }
  }
  await switchTo(lab, 'nftables', report);
  return outcomes;
}

async function switchTo(lab: Lab, dataplane: Dataplane, report: (outcome: Outcome) => void): Promise<void> {
  const ask = `every agent is restarted with --dataplane ${dataplane}`;
  await lab.useDataplane(dataplane).catch((error: unknown) => report(broken('Dataplanes', ask, error)));
}

function broken(section: string, ask: string, error: unknown): Outcome {
  return { section, ask, command: '', came: messageOf(error), held: false };
}
