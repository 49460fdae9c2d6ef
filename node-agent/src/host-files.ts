import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import { readJsonFile, writeJsonFile } from './kernel/json-file.ts';

/** What the agent itself keeps on the host's disk. */
export interface HostFiles {
  /** The host's stable id; made once. @throws CausewayError `unreadable`, `internal` */
  nodeId(): Promise<string>;
  /** The id if there is one; nothing is made. */
  knownNodeId(): Promise<string | undefined>;
  lastSubnet(): Promise<string | undefined>;
  rememberSubnet(subnet: string): Promise<void>;
  /** @param keepIdentity the host will join again */
  remove(keepIdentity: boolean): Promise<void>;
  /** Removes the directories if nothing is left in them. */
  removeDirectories(): Promise<void>;
}

export function hostFiles(stateDir: string, runDir: string): HostFiles {
  const idFile = join(stateDir, 'node-id');
  const subnetFile = join(stateDir, 'subnet.json');

  const knownNodeId = async () => {
    const text = await readFile(idFile, 'utf8').catch(() => undefined);
    return text === undefined || text.trim() === '' ? undefined : text.trim();
  };
  return {
    knownNodeId,
    nodeId: async () => (await knownNodeId()) ?? (await makeId(stateDir, idFile)),
    lastSubnet: async () => {
      const found = await readJsonFile(subnetFile).catch(() => undefined);
      if (typeof found !== 'object' || found === null || !('subnet' in found)) return undefined;
      return typeof found.subnet === 'string' ? found.subnet : undefined;
    },
    rememberSubnet: (subnet) => writeJsonFile(subnetFile, { subnet }),
    remove: async (keepIdentity) => {
      const files = keepIdentity ? [] : [idFile, subnetFile];
      for (const file of files) await rm(file, { force: true });
    },
    removeDirectories: async () => {
      // One that holds somebody else's files, or that is a mount point, stays.
      for (const directory of [stateDir, runDir]) await rmdir(directory).catch(() => undefined);
    },
  };
}

/** Complete or not at all, and never over another one's. */
async function makeId(stateDir: string, file: string): Promise<string> {
  const temporary = `${file}.${process.pid}.tmp`;
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o755 });
    await rm(file, { force: true });
    await writeFile(temporary, `${randomUUID()}\n`);
    await link(temporary, file);
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new CausewayError('internal', `making this host's id in ${file}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
