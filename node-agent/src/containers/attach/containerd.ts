import { readFile } from 'node:fs/promises';
import { CausewayError, invalid } from '@causeway/shared/errors';
import type { Task } from './docker.ts';

/** Where containerd keeps what it runs, below its state directory: one folder per namespace and task. */
const TASKS = 'io.containerd.runtime.v2.task';
const DEFAULT_NAMESPACE = 'default';

/**
 * Looks for a task of containerd in its state directory; no client of it is needed.
 *
 * @param id `ID` or `NAMESPACE/ID`
 * @throws CausewayError `not-found` when it runs no such task, `invalid` when the id is none
 */
export async function containerdTask(stateDir: string, id: string): Promise<Task> {
  const parts = id.split('/');
  const [namespace, task] = parts.length === 1 ? [DEFAULT_NAMESPACE, id] : parts;
  if (parts.length > 2 || !isPart(namespace) || !isPart(task))
    throw invalid('attach', `containerd:${id}`, 'is none of containerd:ID and containerd:NAMESPACE/ID');
  const file = `${stateDir}/${TASKS}/${namespace}/${task}/init.pid`;
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined)
    throw new CausewayError(
      'not-found',
      `containerd runs no container ${task} in its namespace ${namespace}`,
    );
  const pid = Number(text.trim());
  return Number.isInteger(pid) && pid > 0 ? { pid } : {};
}

/** containerd's own rule for identifiers. */
function isPart(text: string | undefined): text is string {
  return text !== undefined && /^[A-Za-z0-9]+(?:[._-]+[A-Za-z0-9]+)*$/.test(text) && text.length <= 76;
}
