import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ByFamily } from '@causeway/shared/net/family';

/** What to do about one wanted container. */
export type Decision = Keep | Repair | Start | Stop | Rest | Attach | Refuse;

interface Decided {
  readonly name: string;
  readonly addresses: ByFamily<string>;
  readonly spec: ContainerSpec;
}

export interface Keep extends Decided {
  readonly kind: 'keep';
  readonly pid: number;
  /** What is wrong with it, and cannot be helped for now. */
  readonly lack?: string;
}

export interface Repair extends Decided {
  readonly kind: 'repair';
  readonly pid: number;
  /** The addresses that it has to give up; those that it has had or keeps are not among them. */
  readonly from?: ByFamily<string>;
  /** The namespace's name is missing or names another one. */
  readonly renameNetns: boolean;
  readonly relink: boolean;
  readonly why: string;
}

export interface Start extends Decided {
  readonly kind: 'start';
  readonly specHash: string;
  /** This definition was never started: no failure of another one delays it. */
  readonly fresh: boolean;
  /** What an earlier definition has written is of no use for this one. */
  readonly anew: boolean;
  /** The addresses that it had and will not have. */
  readonly from?: ByFamily<string>;
  readonly why: string;
}

/** It runs, and its user wants it stopped. */
export interface Stop extends Decided {
  readonly kind: 'stop';
  readonly pid: number;
}

/** It does not run, and that is right. */
export interface Rest extends Decided {
  readonly kind: 'rest';
  readonly state: 'exited' | 'stopped';
}

/** It is somebody else's, and gets its network from us. */
export interface Attach extends Decided {
  readonly kind: 'attach';
}

export interface Refuse {
  readonly kind: 'refuse';
  readonly name: string;
  readonly error: unknown;
}
