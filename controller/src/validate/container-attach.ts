import { invalid, show } from '@causeway/shared/errors';
import type { AttachTarget, ContainerSpec } from '@causeway/shared/model/container';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import { checkPath } from './container-files.ts';
import { checkNetwork } from './container-network.ts';

/** What only a container that we make has. */
const OURS = [
  ...(['command', 'files', 'image', 'publish', 'env', 'user', 'workdir', 'hostname', 'mounts'] as const),
  ...(['cpus', 'memoryBytes', 'userNamespace', 'restart', 'stopSeconds'] as const),
];

/** How each kind's id looks, and what to say of another. */
const IDS: Readonly<Record<AttachTarget['kind'], readonly [pattern: RegExp, reason: string]>> = {
  docker: [/^[A-Za-z0-9][A-Za-z0-9_.-]{0,254}$/, 'is neither a name nor an id of a container of Docker'],
  containerd: [
    /^(?:[A-Za-z0-9][\w.-]{0,75}\/)?[A-Za-z0-9][\w.-]{0,75}$/,
    'is not [NAMESPACE/]ID of a container of containerd',
  ],
  pid: [/^[1-9]\d{0,9}$/, 'is not a process id'],
  netns: [/^\//, 'is not an absolute path, such as "/run/netns/web"'],
};

/**
 * What a definition asks for that attaches somebody else's container.
 *
 * @throws CausewayError `invalid`
 */
export function checkAttach(input: ParsedContainerInput, target: AttachTarget): ContainerSpec {
  const told = `${target.kind}:${target.id}`;
  const field = OURS.find((one) => isGiven(input[one]));
  if (field !== undefined)
    throw invalid(
      field,
      input[field],
      `is for a container of our own: ${show(told)} is somebody else's, and only gets its network from us`,
    );
  const [pattern, reason] = IDS[target.kind];
  if (!pattern.test(target.id)) throw invalid('attach', told, reason);
  if (target.kind === 'netns') checkPath('attach', target.id);
  const network = checkNetwork(input.name, input.network);
  if (network !== undefined && network.kind !== 'bridge')
    throw invalid('network', network.kind, 'is not possible: what is attached becomes a port of the bridge');
  return {
    ...{ name: input.name, host: input.host, command: [], files: {} },
    ...(Object.keys(input.labels).length === 0 ? {} : { labels: input.labels }),
    attach: { kind: target.kind, id: target.id },
    ...(network === undefined ? {} : { network }),
  };
}

function isGiven(value: unknown): boolean {
  if (value === undefined || value === false) return false;
  return typeof value !== 'object' || value === null || Object.keys(value).length > 0;
}
