import { AT_ONCE } from './limited.ts';

/** How much one pass may do before it looks again. */
export interface Allowance {
  /** Whether one more may begin. */
  has(): boolean;
  /** One begins. */
  use(): void;
  /** Whether somebody was told that he may not: another pass is due. */
  readonly isShort: boolean;
}

export interface Limits {
  /** Absent: any number. */
  readonly most?: number;
  /** Whether what is wanted has changed since: no more is begun then than brings the pass forward. */
  readonly isStale?: () => boolean;
}

/** What changes all the time stops nobody: a few begin in each pass, however old it is. */
export function createAllowance({
  most = Number.POSITIVE_INFINITY,
  isStale = () => false,
}: Limits): Allowance {
  let begun = 0;
  let isShort = false;
  return {
    has() {
      const isOpen = begun < most && (begun < AT_ONCE || !isStale());
      isShort ||= !isOpen;
      return isOpen;
    },
    use: () => {
      begun += 1;
    },
    get isShort() {
      return isShort;
    },
  };
}
