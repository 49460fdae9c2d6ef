import { VERSION } from '@causeway/shared/version';
import type { Parts } from './agent-parts.ts';
import type { Place } from './cluster/place.ts';
import type { AgentConfig } from './config.ts';
import type { LastWord } from './health/last-word.ts';
import type { EtcdHealth, HealthState, LoopHealth, PlaceHealth } from './health/state.ts';

export interface HealthSources {
  readonly config: AgentConfig;
  readonly lastWord: LastWord;
  /** Undefined until the host has joined. */
  readonly place: () => Place | undefined;
  readonly parts: () => Parts | undefined;
}

const NOT_STARTED: LoopHealth = {
  ...{ rounds: 0, totalMs: 0, repairs: 0, networkRevision: 0, servicesRevision: 0 },
  ...{ networkHeld: false, firewallHeld: false },
};

/** @returns reads what the health pages say, at any time, also before the host has joined */
export function healthReader(sources: HealthSources): () => HealthState {
  const startedAt = performance.now();
  return () => {
    const state = sources.parts()?.loop.state();
    return {
      ...{ name: sources.config.name, version: VERSION, upMs: performance.now() - startedAt },
      etcd: etcdHealth(sources),
      place: placeHealth(sources),
      loop: state?.loop ?? NOT_STARTED,
      healthChecks: sources.parts()?.healthChecks.state() ?? { asked: 0, unhealthy: 0 },
      peers: state?.peers ?? [],
      problems: state?.problems ?? [],
    };
  };
}

function etcdHealth({ config, lastWord, parts }: HealthSources): EtcdHealth {
  const lastWordMs = lastWord.ageMs();
  const reason = lastWord.reason();
  return {
    connected: parts()?.connected() ?? (lastWordMs !== undefined && reason === undefined),
    ...(lastWordMs === undefined ? {} : { lastWordMs }),
    ...(reason === undefined ? {} : { reason }),
    // The sign of life is renewed three times in this time.
    patienceMs: config.aliveSeconds * 1_000,
  };
}

function placeHealth({ place, parts }: HealthSources): PlaceHealth {
  const found = place();
  const problem = found?.problem();
  return {
    joined: found !== undefined,
    subnets: found?.subnets() ?? {},
    families: parts()?.families() ?? [],
    ...(problem === undefined ? {} : { problem }),
    leaseLeftMs: found?.leaseLeftMs() ?? { ownership: 0, liveness: 0 },
  };
}
