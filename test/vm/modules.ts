import { CausewayError } from '@causeway/shared/errors';

/**
 * PURE. Files of modules, each behind those that it needs, below the modules' folder.
 *
 * @param dependencies a kernel's modules.dep: `kernel/fs/a.ko: kernel/fs/b.ko kernel/fs/c.ko` for each module
 * @param builtin its modules.builtin: those that the kernel has in itself need no file
 * @throws CausewayError `not-found`
 */
export function modulesInOrder(
  wanted: readonly string[],
  dependencies: string,
  builtin: string,
): readonly string[] {
  const needs = new Map(
    dependencies
      .split('\n')
      .filter((line) => line.includes(':'))
      .map((line) => {
        const [file = '', others = ''] = line.split(':');
        return [file, others.split(' ').filter((other) => other !== '')] as const;
      }),
  );
  const inside = new Set(builtin.split('\n').map(nameOf));
  const order = new Set<string>();
  const add = (file: string): void => {
    for (const other of needs.get(file) ?? []) add(other);
    order.add(file);
  };
  for (const name of wanted.filter((one) => !inside.has(one))) {
    const file = [...needs.keys()].find((each) => nameOf(each) === name);
    if (file === undefined)
      throw new CausewayError('not-found', `looking for the kernel’s modules: it has no ${name}`);
    add(file);
  }
  return [...order];
}

/** `kernel/fs/a-b.ko` is the module a_b. */
function nameOf(file: string): string {
  return file
    .slice(file.lastIndexOf('/') + 1)
    .replace(/\.ko$/, '')
    .replaceAll('-', '_');
}
