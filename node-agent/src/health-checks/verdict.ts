import type { HealthCheck } from '@causeway/shared/model/service';

/** What is thought of an endpoint after all of its answers. */
export interface Verdict {
  /** `new`: it has never given a good answer. */
  readonly state: 'new' | 'healthy' | 'unhealthy';
  /** Answers in a row that speak for the other state. */
  readonly against: number;
  /** Of one that is not healthy: why; a sentence. */
  readonly reason: string;
  /** Whether the reason is an answer of its own; what was said of it before gives way to the first one. */
  readonly isOwn: boolean;
}

/** Why an endpoint gave no good answer, a sentence; undefined: it gave one. */
export type Fault = string | undefined;

/** Of one that was in use before it was asked: it is taken at its word until it has failed often enough. */
export const HEALTHY: Verdict = { state: 'healthy', against: 0, reason: '', isOwn: false };
/** Of one that has just come. */
export const NEW: Verdict = {
  ...{ state: 'new', against: 0, reason: 'its health check has no good answer yet', isOwn: false },
};

/** Of one that was not ready before it was asked, for whatever reason. */
export function unready(reason: string): Verdict {
  return { state: 'unhealthy', against: 0, reason, isOwn: false };
}

/**
 * What is thought after one more answer. As with the readiness of Kubernetes, a new endpoint takes no connections until
 * its first good answer, which is enough: nothing speaks against it. From then on it takes `fall` bad answers in a row
 * to make it unhealthy, and `rise` good ones to make it healthy again. The reason stays the one that it became unhealthy
 * for, so that an endpoint that complains of something else each time is not written over and over. Pure.
 */
export function afterAnswer(verdict: Verdict, fault: Fault, { rise, fall }: Counts): Verdict {
  const { state, against } = verdict;
  const isGood = fault === undefined;
  if (state === 'healthy') {
    if (isGood) return against === 0 ? verdict : { ...verdict, against: 0 };
    if (against + 1 < fall) return { ...verdict, against: against + 1 };
    return { state: 'unhealthy', against: 0, reason: fault, isOwn: true };
  }
  if (isGood) {
    const isEnough = state === 'new' || against + 1 >= rise;
    return isEnough ? HEALTHY : { ...verdict, against: against + 1 };
  }
  if (!verdict.isOwn) return { ...verdict, against: 0, reason: fault, isOwn: true };
  return against === 0 ? verdict : { ...verdict, against: 0 };
}

type Counts = Pick<HealthCheck, 'rise' | 'fall'>;
