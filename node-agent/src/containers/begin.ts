import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { ReadyImage } from '../images/image.ts';
import type { Start } from './decision.ts';
import { endSessions } from './exec-session.ts';
import { type Circumstances, type Fate, type Lack, lastOf, readable, runningFate, watch } from './fate.ts';
import { hostAbilities } from './host.ts';
import { tellStarted } from './move.ts';
import type { Pass } from './pass.ts';
import { placeOf } from './places.ts';
import { addressFields } from './records.ts';
import { erase } from './remove.ts';
import { startContainer } from './start.ts';

/**
 * Starts a container, unless there is something that it has to wait for.
 *
 * @returns undefined: it runs as it did until its turn has come
 * @throws CausewayError why it could not be started; it is tried again later
 */
export async function begin(pass: Pass, decision: Start, given: Circumstances): Promise<Fate | undefined> {
  const { name, spec } = decision;
  const { restarts } = pass;
  const { observed } = given.world;
  if (decision.fresh) restarts.tries(name, `${decision.specHash} ${spec.generation ?? 0}`);
  if (given.lack !== undefined) {
    restarts.holds(name);
    return lacking(pass, decision, given, given.lack);
  }
  const wait = observed.running.has(name) ? 0 : restarts.ended(name, pass.now());
  const known = knownOf(decision, given);
  if (wait > 0) return { ...known, state: 'failed', reason: delayText(pass, decision, wait) };
  if (given.refusal !== undefined) {
    restarts.refused(name, pass.now(), given.refusal);
    throw new CausewayError('degraded', given.refusal);
  }
  if (!given.allowance.has())
    return waiting(pass, decision, given, 'it waits for its turn: others of its host are started first');
  try {
    const image = await pass.images.take(spec.image);
    if (image !== undefined) return await startNow(pass, decision, given, image);
    restarts.holds(name);
    const reason = `image ${spec.image?.name} is on its way to this host`;
    return { ...known, ...watched(pass, decision, given), state: 'starting', reason };
  } catch (cause) {
    const error = readable(name, cause);
    restarts.failed(name, pass.now(), messageOf(error));
    throw error;
  }
}

async function startNow(
  pass: Pass,
  decision: Start,
  { world, allowance }: Circumstances,
  image: ReadyImage,
): Promise<Fate> {
  const { name, addresses, why } = decision;
  const { restarts, layout, logger } = pass;
  allowance.use();
  pass.line.served(name);
  endSessions(placeOf(layout, name), `container ${name} was started anew`);
  await erase(layout, name, world.observed);
  const record = await startContainer({ decision, world, image, abilities: await hostAbilities() });
  restarts.started(name, pass.now());
  if (record.process !== undefined) pass.running.set(name, record.process);
  const pid = record.process?.pid;
  logger.info({ container: name, ...addressFields(addresses), pid, why }, 'container started');
  tellStarted(pass, decision);
  return { ...runningFate(record), ...(pid === undefined ? {} : { pid }) };
}

function knownOf({ name, addresses }: Start, { world: { observed } }: Circumstances): Omit<Fate, 'state'> {
  return { ...addressFields(addresses), ...lastOf(observed.records.get(name), observed.exits.get(name)) };
}

function lacking(pass: Pass, decision: Start, given: Circumstances, lack: Lack): Fate | undefined {
  if (lack.comes)
    return waiting(
      pass,
      decision,
      given,
      `container ${lack.name}, whose namespace it shares, does not run yet`,
    );
  const reason = `its namespace is that of container ${lack.name}, which does not run`;
  return { ...knownOf(decision, given), state: 'failed', reason };
}

/** What runs as it was defined before goes on, and is not what is to be told of. */
function waiting(pass: Pass, decision: Start, given: Circumstances, reason: string): Fate | undefined {
  const running = given.world.observed.running.get(decision.name);
  if (running === undefined) return { ...knownOf(decision, given), state: 'starting', reason };
  watch(pass, decision.name, running.pid);
  return undefined;
}

/** What runs as it was defined before is not forgotten while its next image is awaited. */
function watched(pass: Pass, { name }: Start, { world }: Circumstances): { readonly pid?: number } {
  const pid = world.observed.running.get(name)?.pid;
  if (pid === undefined) return {};
  watch(pass, name, pid);
  return { pid };
}

function delayText({ restarts }: Pass, { name, why }: Start, wait: number): string {
  const failures = restarts.failures(name);
  const reason = restarts.reason(name);
  if (failures === 0 && reason !== undefined) return reason;
  const often = failures === 1 ? 'once' : `${failures} times in a row`;
  const after = `failed ${often}, next start in ${Math.ceil(wait / 1000)} s`;
  return reason === undefined
    ? `${why}; ${after}; \`svcctl logs ${name}\` shows its output`
    : `${reason}; ${after}`;
}
