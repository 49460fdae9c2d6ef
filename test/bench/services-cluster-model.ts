import { setTimeout as sleep } from 'node:timers/promises';
import { type KernelView, watchKernel } from './services-cluster-kernel.ts';
import { nameOf, targetsOf, type Versions, vipOf } from './services-cluster-services.ts';
import type { ServicesWorld } from './services-cluster-world.ts';

const PATIENCE_MS = 60_000;

/** What all hosts' kernels do, beside what the model has had. */
export interface FollowedHosts {
  /**
   * Tells what a service becomes, before anybody is asked for it.
   *
   * @returns resolves with the moment at which the last host's kernel holds exactly that
   */
  expect(i: number, versions: Versions, weights?: Versions): Promise<number>;
  /** States of services after transactions; of them those that the model never had, or not since the one seen last. */
  readonly looked: number;
  readonly wrong: readonly string[];
  /** Of each host. */
  transactions(): readonly number[];
  close(): void;
}

/** Follows hosts whose kernels hold all services as they were made. */
export async function followHosts({ lab, services }: ServicesWorld): Promise<FollowedHosts> {
  const all = Array.from({ length: services }, (_, i) => i);
  const made = new Map(all.map((i) => [vipOf(i), targetsOf(i, [0, 0])]));
  const names = new Map(all.map((i) => [vipOf(i), nameOf(i)]));
  const history = new Map([...made].map(([vip, targets]) => [vip, [targets.join()]]));
  const wrong: string[] = [];
  let looked = 0;
  let lose: (reason: string) => void = () => undefined;
  const lost = new Promise<never>((_, reject) => {
    lose = (reason) => reject(new Error(reason));
  });
  lost.catch(() => undefined);

  const views: KernelView[] = [];
  for (const host of lab.hosts) {
    const seen = new Map<string, number>();
    const onState = (vip: string, targets: readonly string[]) => {
      looked += 1;
      const at = (history.get(vip) ?? []).indexOf(targets.join(), seen.get(vip) ?? 0);
      if (at < 0) wrong.push(`${host}: ${names.get(vip) ?? vip} led to ${targets.join(' and ')}`);
      else seen.set(vip, at);
    };
    const onLost = (reason: string) => lose(`${host}: ${reason}`);
    views.push(await watchKernel(lab, host, made, { onState, onLost }));
  }
  return {
    expect: (i, versions, weights) => {
      const targets = targetsOf(i, versions, weights);
      history.get(vipOf(i))?.push(targets.join());
      const moments = Promise.all(views.map((view) => view.holds(vipOf(i), targets)));
      const late = sleep(PATIENCE_MS, undefined, { ref: false }).then(() => {
        throw new Error(
          `${nameOf(i)} does not lead to ${targets.join(' and ')} on every host after a minute`,
        );
      });
      const last = Promise.race([moments, lost, late]).then((all) => Math.max(...all));
      // Nobody waits for one that another has overtaken.
      last.catch(() => undefined);
      return last;
    },
    get looked() {
      return looked;
    },
    wrong,
    transactions: () => views.map((view) => view.transactions),
    close: () => {
      for (const view of views) view.close();
    },
  };
}
