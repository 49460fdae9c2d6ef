import { mkdir, readFile, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { CausewayError, messageOf } from '@causeway/shared/errors';
import type { NetworkConfig } from '@causeway/shared/model/network';
import { SUBNET_FILE } from '@causeway/shared/names';
import { formatBlock, formatIp, nthOfBlock, parseBlock } from '@causeway/shared/net/block';
import { type ByFamily, byFamily, entriesOf, type Family } from '@causeway/shared/net/family';

/** What flannel's file of a host says: `/run/flannel/subnet.env`. */
export interface SubnetFileContent {
  readonly config: NetworkConfig;
  /** This host's. */
  readonly subnets: ByFamily<string>;
  /** Of containers, bytes: `DesiredHost.bridge.mtu`. */
  readonly mtu: number;
}

/** flannel's file, kept for whoever configures containers by it. */
export interface SubnetFile {
  /**
   * Makes the file say this; writes nothing when it does already, and removes the file when the host has no subnet.
   *
   * @throws CausewayError `internal` when the file cannot be written
   */
  keep(content: SubnetFileContent): Promise<void>;
  /** The subnets that the file names, whoever wrote it; empty when there is none, or none that can be read. */
  subnets(): Promise<ByFamily<string>>;
  /** Removes the file if it names exactly these subnets: then it is this host's own. @returns whether it did */
  remove(own: ByFamily<string>): Promise<boolean>;
}

const FIELDS: Readonly<Record<Family, { readonly network: string; readonly subnet: string }>> = {
  ipv4: { network: 'FLANNEL_NETWORK', subnet: 'FLANNEL_SUBNET' },
  ipv6: { network: 'FLANNEL_IPV6_NETWORK', subnet: 'FLANNEL_IPV6_SUBNET' },
};

/** @param path absolute; undefined: there shall be no such file, and every call does nothing */
export function subnetFile(path: string | undefined): SubnetFile {
  const read = async () => (path === undefined ? '' : await readFile(path, 'utf8').catch(() => ''));
  return {
    keep: async ({ config, subnets, mtu }) => {
      if (path === undefined) return;
      const text = renderSubnetFile({ config, subnets, mtu });
      const found = await read();
      if (found === text) return;
      await doing(`writing the subnet file ${path}`, () =>
        text === '' ? rm(path, { force: true }) : replace(path, text),
      );
    },
    subnets: async () => parseSubnetFile(await read()),
    remove: async (own) => {
      // What an agent was writing when it was killed.
      if (path !== undefined) await rm(`${path}.tmp`, { force: true });
      const found = parseSubnetFile(await read());
      const ours = entriesOf(found).length > 0 && found.ipv4 === own.ipv4 && found.ipv6 === own.ipv6;
      if (path === undefined || !ours) return false;
      await doing(`removing the subnet file ${path}`, () => rm(path, { force: true }));
      // The usual place has a directory of its own; one that is not empty stays.
      if (path === SUBNET_FILE) await rmdir(dirname(path)).catch(() => undefined);
      return true;
    },
  };
}

/**
 * The file's text, byte for byte as flannel writes it (pkg/subnet/subnet.go, WriteSubnetFile): the subnet as the
 * gateway's address with the subnet's length. Empty without a subnet.
 */
export function renderSubnetFile({ config, subnets, mtu }: SubnetFileContent): string {
  const lines = entriesOf(subnets).flatMap(([family, subnet]) => {
    const block = parseBlock(subnet);
    const network = config[family]?.network;
    if (block === undefined || network === undefined) return [];
    const gateway = `${formatIp(nthOfBlock(block, 1))}/${block.length}`;
    return [`${FIELDS[family].network}=${network}`, `${FIELDS[family].subnet}=${gateway}`];
  });
  if (lines.length === 0) return '';
  return `${[...lines, `FLANNEL_MTU=${mtu}`, `FLANNEL_IPMASQ=${config.masquerade}`].join('\n')}\n`;
}

/** The subnets, host bits zero; what is no block of its family is left out. */
export function parseSubnetFile(text: string): ByFamily<string> {
  const values = new Map(
    text.split('\n').map((line) => {
      const at = line.indexOf('=');
      return [line.slice(0, Math.max(0, at)).trim(), line.slice(at + 1).trim()] as const;
    }),
  );
  return byFamily((family) => {
    const block = parseBlock(values.get(FIELDS[family].subnet) ?? '');
    return block?.family === family ? formatBlock(block) : undefined;
  });
}

/** Complete or not at all, and readable for everybody. */
async function replace(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const temporary = `${path}.tmp`;
  await writeFile(temporary, text, { mode: 0o644 });
  await rename(temporary, path);
}

async function doing(what: string, task: () => Promise<void>): Promise<void> {
  try {
    await task();
  } catch (cause) {
    throw new CausewayError('internal', `${what}: ${messageOf(cause)}`, { cause });
  }
}
