/** What groups of version 2 are limited by; a group has of it what the one above passes on. */
const CONTROLLERS = ['cpu', 'memory'] as const;
type Controller = (typeof CONTROLLERS)[number];

/** A group's `cgroup.subtree_control`. */
export interface Control {
  /** @returns `cpu memory pids` */
  read(): string;
  /** @param change `+cpu` or `-cpu`; throws what the kernel answers */
  write(change: string): void;
}

/** Lets the groups below be limited. @returns what was added for that, and whether they can be limited now */
export function passOn(control: Control): {
  readonly added: readonly Controller[];
  readonly canLimit: boolean;
} {
  const before = passed(control);
  for (const controller of CONTROLLERS) if (!before.includes(controller)) tryWrite(control, `+${controller}`);
  const after = passed(control);
  return {
    added: CONTROLLERS.filter((each) => after.includes(each) && !before.includes(each)),
    canLimit: CONTROLLERS.every((each) => after.includes(each)),
  };
}

/** Takes back what was added. What a group below passes on itself, another lab's or somebody else's, the kernel keeps. */
export function takeBack(control: Control, added: readonly Controller[]): void {
  for (const controller of added) tryWrite(control, `-${controller}`);
}

/**
 * PURE. A lab's group says in its name what was added above it, also to those who find it when its lab is dead.
 *
 * @param others groups beside it: what was added for a lab that lives is taken back with the last one that needs it
 */
export function nameOfGroup(name: string, added: readonly Controller[], others: readonly string[]): string {
  const labs = others.filter((other) => other.startsWith(PREFIX));
  const all = CONTROLLERS.filter(
    (each) => added.includes(each) || labs.some((lab) => addedIn(lab).includes(each)),
  );
  return [`${PREFIX}${name}`, ...all].join(MARK);
}

/** PURE. What was added above a group of this name. */
export function addedIn(group: string): readonly Controller[] {
  const told = group.split(MARK).slice(1);
  return CONTROLLERS.filter((each) => told.includes(each));
}

const PREFIX = 'causeway-lab-';
/** In no lab's name. */
const MARK = '+';

function passed(control: Control): readonly string[] {
  return control.read().trim().split(' ');
}

function tryWrite(control: Control, change: string): void {
  try {
    control.write(change);
  } catch {
    // The kernel has it not, processes are in this group, or another group needs it: what is passed on shows.
  }
}
