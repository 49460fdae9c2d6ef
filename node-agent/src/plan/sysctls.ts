import type { Plan, SysctlStep } from './step.ts';

/** What to load when the kernel has no such setting; by the start of its path. */
const MODULES: Readonly<Record<string, string>> = {
  'net/bridge/': 'br_netfilter',
  'net/netfilter/nf_conntrack': 'nf_conntrack',
};

/**
 * @param desired by path below /proc/sys
 * @param observed values; undefined where there is no such file
 * @param madeByThisPlan links that earlier steps create, and their settings with them
 */
export function planSysctls(
  desired: Readonly<Record<string, string>>,
  observed: Readonly<Record<string, string | undefined>>,
  madeByThisPlan: readonly string[] = [],
): Pick<Plan, 'steps' | 'problems'> {
  const steps: SysctlStep[] = [];
  const problems: string[] = [];
  for (const [path, value] of Object.entries(desired)) {
    const current = observed[path];
    if (current === undefined && !belongsTo(path, madeByThisPlan)) problems.push(missingText(path, value));
    else if (current === undefined || words(current) !== words(value)) {
      const was = current === undefined ? '' : ` (was ${words(current)})`;
      steps.push({ kind: 'sysctl-set', path, value, text: `set ${dotted(path)} = ${value}${was}` });
    }
  }
  return { steps, problems };
}

/** As `sysctl` writes it: dots between the parts, a slash where a part (a link's name) holds a dot. */
function dotted(path: string): string {
  return path.replace(/[/.]/g, (sign) => (sign === '/' ? '.' : '/'));
}

function belongsTo(path: string, links: readonly string[]): boolean {
  return path.split('/').some((part) => links.includes(part));
}

/** Values of several numbers are listed with tabs and written with blanks. */
function words(value: string): string {
  return value.trim().split(/\s+/).join(' ');
}

function missingText(path: string, value: string): string {
  const module = Object.entries(MODULES).find(([start]) => path.startsWith(start))?.[1];
  const hint = module === undefined ? '' : `; load the module ${module}`;
  return `setting ${dotted(path)} to ${value}: this kernel has no such setting${hint}`;
}
