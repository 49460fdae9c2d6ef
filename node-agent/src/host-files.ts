import { randomUUID } from 'node:crypto';
import { link, mkdir, readdir, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CausewayError, messageOf, show } from '@causeway/shared/errors';
import { type ByFamily, byFamily } from '@causeway/shared/net/family';
import { nodeId } from '@causeway/shared/store/codec-base';
import { readJsonFile, writeJsonFile } from './kernel/json-file.ts';

/** What the agent itself keeps on the host's disk. */
export interface HostFiles {
  /** The host's stable id; made once. @throws CausewayError `unreadable` when the file holds no id, `internal` */
  nodeId(): Promise<string>;
  /** The id if there is one; nothing is made. */
  knownNodeId(): Promise<string | undefined>;
  /** What the host leased when it was last noted; empty when nothing was, or nothing that can be read. */
  lastSubnets(): Promise<ByFamily<string>>;
  rememberSubnets(subnets: ByFamily<string>): Promise<void>;
  /** Values of policies' keys, by key, as they could be read last; empty when nothing was noted. */
  lastPolicies(): Promise<ReadonlyMap<string, string>>;
  rememberPolicies(values: ReadonlyMap<string, string>): Promise<void>;
  /** @param keepIdentity the host will join again */
  remove(keepIdentity: boolean): Promise<void>;
  /** Removes the directories if nothing is left in them. */
  removeDirectories(): Promise<void>;
}

export function hostFiles(stateDir: string, runDir: string): HostFiles {
  const idFile = join(stateDir, 'node-id');
  const subnetFile = join(stateDir, 'subnet.json');
  const policiesFile = join(stateDir, 'policies.json');

  const read = async () => (await readFile(idFile, 'utf8').catch(() => '')).trim();
  return {
    knownNodeId: async () => {
      const id = await read();
      return nodeId.safeParse(id).success ? id : undefined;
    },
    nodeId: async () => {
      const id = await read();
      if (id === '') return makeId(stateDir, idFile);
      if (nodeId.safeParse(id).success) return id;
      // Another id would be another host, and the name and the subnet are this one's for a day.
      const told = `${show(id)} is no id of 1 to 128 printable characters; put it right, or remove the file for a new one`;
      throw new CausewayError('unreadable', `reading this host's id from ${idFile}: ${told}`);
    },
    lastSubnets: async () => {
      const found = await readJsonFile(subnetFile).catch(() => undefined);
      const values = new Map(typeof found === 'object' && found !== null ? Object.entries(found) : []);
      return byFamily((family) => {
        const subnet: unknown = values.get(family);
        return typeof subnet === 'string' ? subnet : undefined;
      });
    },
    rememberSubnets: (subnets) => writeJsonFile(subnetFile, subnets),
    lastPolicies: async () => {
      const found = await readJsonFile(policiesFile).catch(() => undefined);
      const values = typeof found === 'object' && found !== null ? Object.entries(found) : [];
      return new Map(values.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
    },
    rememberPolicies: (values) => writeJsonFile(policiesFile, Object.fromEntries(values)),
    remove: async (keepIdentity) => {
      const files = [policiesFile, ...(keepIdentity ? [] : [idFile, subnetFile])];
      for (const file of files) await rm(file, { force: true });
    },
    removeDirectories: async () => {
      for (const directory of [stateDir, runDir]) {
        await removeDrafts(directory);
        // One that holds somebody else's files, or that is a mount point, stays.
        await rmdir(directory).catch(() => undefined);
      }
    },
  };
}

/** Removes what an agent was writing when it was killed, its lock (`lock.ts`) included. */
async function removeDrafts(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const drafts = names.filter((name) => name.endsWith('.tmp') || /^agent\.lock\.(stale\.)?\d+$/.test(name));
  for (const name of drafts) await rm(join(directory, name), { force: true });
}

/** Complete or not at all, and never over another one's. */
async function makeId(stateDir: string, file: string): Promise<string> {
  const temporary = `${file}.tmp`;
  try {
    await mkdir(stateDir, { recursive: true, mode: 0o755 });
    await rm(file, { force: true });
    await writeFile(temporary, `${randomUUID()}\n`, { flush: true });
    await link(temporary, file);
    return (await readFile(file, 'utf8')).trim();
  } catch (cause) {
    throw new CausewayError('internal', `making this host's id in ${file}: ${messageOf(cause)}`, { cause });
  } finally {
    await rm(temporary, { force: true }).catch(() => undefined);
  }
}
