import type { Store } from '@causeway/shared/store/store';
import type { AgentConfig } from './config.ts';
import type { ContainerRuntime } from './containers/runtime.ts';
import type { HostFiles } from './host-files.ts';
import type { ImageKeeper } from './images/store.ts';
import type { Kernel } from './kernel/kernel.ts';
import type { Logger } from './logger.ts';
import type { RuleGate } from './loop/address-gate.ts';
import type { Rulesets } from './plan/firewall.ts';

/** Everything that an agent acts with. */
export interface AgentDeps {
  readonly config: AgentConfig;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly runtime: ContainerRuntime;
  /** Those that the runtime makes containers of. */
  readonly images: ImageKeeper;
  /** The one that the runtime asks. */
  readonly gate: RuleGate;
  readonly rulesets: Rulesets;
  readonly files: HostFiles;
  readonly log: Logger;
}
