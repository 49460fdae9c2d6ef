import { randomUUID } from 'node:crypto';
import { entriesOf } from '@causeway/shared/net/family';
import { VERSION } from '@causeway/shared/version';
import type { AgentDeps } from './agent-deps.ts';
import { healthReader } from './agent-health.ts';
import { candidate, DEFAULT_DATAPLANE, factsRequest } from './agent-host.ts';
import { assemble, type Parts } from './agent-parts.ts';
import { createEventLog } from './cluster/events.ts';
import { type Place, type PlaceDeps, takePlace } from './cluster/place.ts';
import { subnetFile } from './cluster/subnet-file.ts';
import { listening } from './health/last-word.ts';
import { serveHealth } from './health/server.ts';
import type { Candidate, JoinInput } from './lease/membership.ts';

/**
 * Joins the cluster and keeps this host's kernel and containers as they should be, until `signal` is aborted.
 * Everything stays in place then: whoever stops or upgrades an agent breaks no connection.
 *
 * @throws CausewayError when the host cannot take part at all: no link to the other hosts, no packet filter, a name
 * or an id that is another host's
 */
export async function runAgent(deps: AgentDeps, signal: AbortSignal): Promise<void> {
  const { config, kernel, files, log } = deps;
  const dataplane = config.dataplane ?? DEFAULT_DATAPLANE;
  const request = factsRequest(config, await files.nodeId());
  const host = await kernel.host(request);
  const tool = await kernel.toolFor(dataplane);
  log.info({ ...host.facts, tool, version: VERSION, etcd: config.etcd.endpoints }, 'starting');

  const { store, lastWord } = listening(deps.store);
  let place: Place | undefined;
  let parts: Parts | undefined;
  const events = createEventLog(store, () => place?.ownership(), config.name);
  const health = healthReader({ config, lastWord, place: () => place, parts: () => parts });
  const closeHealth = await serveHealth(health, config.health, log);
  try {
    place = await takePlace({
      ...{ store, files, log, signal },
      input: await joinInput(deps, candidate(host, dataplane)),
      onChange: () => {
        events.again();
        parts?.reporter.again();
        parts?.healthChecks.again();
        parts?.api.again();
        parts?.images.again();
        parts?.loop.resync();
      },
      onEvent: events.add,
    } satisfies PlaceDeps);
    if (place === undefined) return;
    events.again();
    // Else the first rules of this life would open what the last of the one before had closed.
    deps.gate.seed(await deps.runtime.heldAddresses());
    parts = assemble(
      { ...deps, store },
      {
        ...{ place, events, host, tool, request, dataplane },
        policies: await files.lastPolicies(),
      },
    );
    await aborted(signal);
    log.info('stopping; rules, routes and containers stay');
    await parts.stop();
  } finally {
    await events.stop();
    await place?.leave();
    await closeHealth();
  }
}

async function joinInput({ config, files }: AgentDeps, node: Candidate): Promise<JoinInput> {
  const lastSubnets = await files.lastSubnets();
  const flannelSubnets = await subnetFile(config.subnetFile).subnets();
  return {
    node,
    instance: randomUUID(),
    ...(entriesOf(lastSubnets).length === 0 ? {} : { lastSubnets }),
    ...(entriesOf(flannelSubnets).length === 0 ? {} : { flannelSubnets }),
    ownershipSeconds: config.leaseHours * 3_600,
    aliveSeconds: config.aliveSeconds,
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
