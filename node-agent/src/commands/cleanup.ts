import { messageOf } from '@causeway/shared/errors';
import type { Store } from '@causeway/shared/store/store';
import { leaveCluster } from '../cluster/leave.ts';
import type { SubnetFile } from '../cluster/subnet-file.ts';
import type { ContainerRuntime } from '../containers/runtime.ts';
import type { HostFiles } from '../host-files.ts';
import type { Kernel } from '../kernel/kernel.ts';
import type { Rulesets } from '../plan/firewall.ts';
import { planRemoval } from '../plan/removal.ts';

export interface CleanupDeps {
  readonly kernel: Kernel;
  readonly runtime: ContainerRuntime;
  readonly rulesets: Rulesets;
  readonly files: HostFiles;
  /** flannel's file of this host's subnet, if there shall be one. */
  readonly subnetFile: SubnetFile & { readonly path?: string };
  /** Absent: the host keeps its place in the cluster and will take it again. */
  readonly leave?: { readonly store: Store; readonly name: string };
}

export interface Cleaned {
  readonly removed: readonly string[];
  /** What is still there, and why. */
  readonly failures: readonly string[];
  /** What could not be done without etcd; it runs out by itself. */
  readonly warnings: readonly string[];
}

/**
 * Removes exactly what Causeway made on this host. Safe to repeat, and after an attempt that broke off: all of it is
 * found in the kernel and on the disk, not remembered. What fails does not stop the rest.
 */
export async function cleanUp(deps: CleanupDeps): Promise<Cleaned> {
  const { kernel, runtime, rulesets, files, subnetFile, leave } = deps;
  const removed: string[] = [];
  const failures: string[] = [];
  const warnings: string[] = [];
  const attempt = async (told: string[], task: () => Promise<readonly string[]>) => {
    try {
      removed.push(...(await task()));
    } catch (error) {
      told.push(messageOf(error));
    }
  };

  const id = await files.knownNodeId();
  await attempt(failures, () => runtime.removeAll());
  await attempt(failures, async () => {
    const fates = await kernel.apply(planRemoval(await kernel.remains(), rulesets));
    for (const fate of fates) if (fate.fate === 'failed') failures.push(messageOf(fate.error));
    return fates.filter(({ fate }) => fate === 'done').map(({ step }) => step.text);
  });
  await attempt(failures, () => kernel.restoreSysctls());
  await attempt(failures, () => kernel.removeEmptyTables());
  await attempt(failures, async () =>
    (await subnetFile.remove(await files.lastSubnets())) ? [`remove ${subnetFile.path}`] : [],
  );
  if (leave !== undefined && id !== undefined) {
    await attempt(warnings, () => leaveCluster(leave.store, leave.name, id));
  }
  // With something left, or a place that could not be given back, the host must be known by its id next time.
  const keepIdentity = leave === undefined || failures.length > 0 || warnings.length > 0;
  await attempt(failures, async () => {
    await files.remove(keepIdentity);
    return [];
  });
  return { removed, failures, warnings };
}
