import { CausewayError, messageOf } from '@causeway/shared/errors';
import { cgroupParent, removeCgroups } from './cgroups.ts';
import { hostAbilities } from './host.ts';
import { AT_ONCE, mapLimited } from './limited.ts';
import { removeLink } from './network.ts';
import { namesIn, type Observed, observe } from './observe.ts';
import { isHostLink, type Layout } from './places.ts';
import { removeContainer, removeFolders } from './remove.ts';

/**
 * Removes whatever containers left on this host, going on after each failure.
 *
 * @returns a sentence for each thing that was removed
 * @throws CausewayError `degraded`, naming what is left
 */
export async function removeEverything(layout: Layout): Promise<readonly string[]> {
  const observed = await observe(layout);
  const removed: string[] = [];
  const faults: string[] = [];
  const attempt = async (text: string, task: () => Promise<void>): Promise<void> => {
    try {
      await task();
      removed.push(text);
    } catch (error) {
      faults.push(messageOf(error));
    }
  };
  await mapLimited([...namesIn(observed)], AT_ONCE, (name) =>
    attempt(`removed container ${name}`, () => removeContainer(layout, name, observed)),
  );
  for (const link of (await observe(layout)).links.keys())
    if (isHostLink(link)) await attempt(`removed link ${link}`, () => removeLink(link));
  faults.push(...stillThere(await observe(layout)));
  // The records tell a second cleanup what is left: they stay while anything does.
  if (faults.length === 0) {
    await removeFolders(layout);
    await removeCgroups(cgroupParent(layout.records, (await hostAbilities()).inUserNamespace));
    return removed;
  }
  throw new CausewayError('degraded', `removing all containers: ${faults.join('; ')}`);
}

function stillThere(observed: Observed): readonly string[] {
  return [
    ...[...observed.running.keys()].map((name) => `container ${name} still runs`),
    ...[...observed.netns.keys()].map((name) => `the namespace of ${name} is still there`),
    ...[...observed.links.keys()].filter(isHostLink).map((link) => `link ${link} is still there`),
  ];
}
