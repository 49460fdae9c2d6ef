import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { CausewayError, show } from '@causeway/shared/errors';

/** More than any list of users has, bytes. */
const MOST = 1024 * 1024;

/**
 * Whom a container that runs means by a name.
 *
 * @param pid its first process
 * @param user `1000`, `1000:100`, `www-data`, `www-data:adm`
 * @returns `UID:GID`, or `UID` where a bare number is in no list
 * @throws CausewayError `invalid` with the field `user`
 */
export async function resolveUser(pid: number, user: string): Promise<string> {
  const [name = '', group] = user.split(':', 2);
  const users = await lines(`/proc/${pid}/root/etc/passwd`);
  const found = users.find(([known, , uid]) => (isNumber(name) ? uid === name : known === name));
  const uid = isNumber(name) ? name : found?.[2];
  if (uid === undefined || !isNumber(uid)) throw unknown('user', name, user);
  if (group === undefined) return found?.[3] === undefined ? uid : `${uid}:${found[3]}`;
  if (isNumber(group)) return `${uid}:${group}`;
  const gid = (await lines(`/proc/${pid}/root/etc/group`)).find(([known]) => known === group)?.[2];
  if (gid === undefined || !isNumber(gid)) throw unknown('group', group, user);
  return `${uid}:${gid}`;
}

function isNumber(text: string): boolean {
  return /^\d{1,10}$/.test(text);
}

function unknown(what: string, name: string, user: string): CausewayError {
  return new CausewayError(
    'invalid',
    `running a command as ${show(user)}: the container has no ${what} ${show(name)}`,
    {
      field: 'user',
      value: user,
    },
  );
}

/** The fields of each line; none where there is no such file. The container wrote it: it may be anything. */
async function lines(path: string): Promise<readonly (readonly string[])[]> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW).catch(
    () => undefined,
  );
  if (file === undefined) return [];
  try {
    const stat = await file.stat();
    if (!stat.isFile() || stat.size > MOST) return [];
    return (await file.readFile('utf8')).split('\n').map((line) => line.split(':'));
  } finally {
    await file.close();
  }
}
