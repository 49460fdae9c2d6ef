import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { invalid } from '@causeway/shared/errors';
import { fileInside } from './rootfs.ts';

/** Who a container's program is. */
export interface UserIds {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  /** Its home, as the image's /etc/passwd has it. */
  readonly home: string;
}

/**
 * The numbers behind `1000`, `1000:100` or `www-data:www-data`, by the image's own /etc/passwd and /etc/group.
 *
 * @throws CausewayError `invalid` when the image has no such name
 */
export async function userIn(root: string, user: string): Promise<UserIds> {
  const [passwd, group] = await Promise.all(
    ['/etc/passwd', '/etc/group'].map(async (path) => {
      const file = await fileInside(root, path).catch(() => join(root, path));
      return readFile(file, 'utf8').catch(() => '');
    }),
  );
  return resolveUser(user, passwd ?? '', group ?? '');
}

/** PURE. As Docker reads them: a number needs no entry. */
export function resolveUser(user: string, passwd: string, group: string): UserIds {
  const [name = '', groupName] = user.split(':');
  const users = linesOf(passwd);
  const found = users.find(([login]) => login === name) ?? users.find(([, , uid]) => uid === name);
  if (found === undefined && !isNumber(name))
    throw invalid('user', user, 'is not in the /etc/passwd of the image');
  const uid = found === undefined ? Number(name) : Number(found[2]);
  const groups = linesOf(group);
  const gid = groupName === undefined ? Number(found?.[3] ?? 0) : groupIn(groups, groupName, user);
  const member = (names: string | undefined) =>
    found !== undefined && (names ?? '').split(',').includes(found[0] ?? '');
  const additional =
    groupName === undefined ? groups.filter((one) => member(one[3])).map((one) => Number(one[2])) : [];
  const additionalGids = [...new Set(additional)].filter((one) => one !== gid);
  return { uid, gid, additionalGids, home: found?.[5] || (uid === 0 ? '/root' : '/') };
}

function groupIn(groups: readonly (readonly string[])[], name: string, user: string): number {
  const found = groups.find(([one]) => one === name);
  if (found !== undefined) return Number(found[2]);
  if (isNumber(name)) return Number(name);
  throw invalid('user', user, 'names a group that is not in the /etc/group of the image');
}

function isNumber(text: string): boolean {
  return /^\d{1,9}$/.test(text);
}

function linesOf(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .map((line) => line.split(':'))
    .filter((fields) => fields.length > 2);
}
