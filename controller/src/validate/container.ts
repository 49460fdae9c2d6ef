import { CausewayError, invalid, show } from '@causeway/shared/errors';
import type { ContainerSpec } from '@causeway/shared/model/container';
import type { ParsedContainerInput } from '@causeway/shared/model/container-input';
import { BUILT_IN_IMAGE } from '@causeway/shared/model/image';
import { checkAttach } from './container-attach.ts';
import { checkFiles, checkMounts, checkPath } from './container-files.ts';
import { checkNetwork } from './container-network.ts';
import { checkPublish } from './container-publish.ts';

/** Most bytes of all variables together; they travel through etcd. */
const MAX_ENV_BYTES = 256 * 1024;

/**
 * What a definition asks for, as far as it can be judged by itself: defaults are left out, addresses are in their
 * canonical form. Whether the cluster has what it names: `container-cluster.ts`.
 *
 * @returns the image without a digest
 * @throws CausewayError `invalid`
 */
export function checkContainer(input: ParsedContainerInput): ContainerSpec {
  if (input.attach !== undefined) return checkAttach(input, input.attach);
  if (input.command[0] === '') throw invalid('command[0]', '', 'is empty: a program is needed');
  const image = input.image?.name ?? BUILT_IN_IMAGE;
  if (input.command.length === 0 && image === BUILT_IN_IMAGE)
    throw invalid('command', [], `is empty: the built-in image ${BUILT_IN_IMAGE} needs a program`);
  checkFiles(input.files);
  const mounts = checkMounts(input.mounts, input.files);
  checkEnv(input.env);
  if (input.workdir !== undefined) checkPath('workdir', input.workdir);
  const network = checkNetwork(input.name, input.network);
  const publish = checkPublish(input.publish, network);
  return {
    ...{ name: input.name, host: input.host, command: input.command, files: input.files },
    ...(Object.keys(input.labels).length === 0 ? {} : { labels: input.labels }),
    ...(image === BUILT_IN_IMAGE ? {} : { image: { name: image } }),
    ...(network === undefined ? {} : { network }),
    ...(publish.length === 0 ? {} : { publish }),
    ...(Object.keys(input.env).length === 0 ? {} : { env: input.env }),
    ...(mounts.length === 0 ? {} : { mounts }),
    ...optionsOf(input),
  };
}

/** The fields that say something: one that has the value of an absent one is left out. */
function optionsOf(input: ParsedContainerInput) {
  const { user, workdir, hostname, cpus, memoryBytes, userNamespace, restart, stopSeconds } = input;
  return {
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workdir }),
    ...(hostname === undefined || hostname === input.name ? {} : { hostname }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(userNamespace ? { userNamespace } : {}),
    ...(restart === undefined || restart === 'always' ? {} : { restart }),
    ...(stopSeconds === undefined || stopSeconds === 10 ? {} : { stopSeconds }),
  };
}

/** Whether two definitions ask for the same. An image is its name: one that the name meant earlier stays. */
export function sameContainer(a: ContainerSpec, b: ContainerSpec): boolean {
  return fingerprint(a) === fingerprint(b);
}

function fingerprint({ want: _want, generation: _generation, image, ...spec }: ContainerSpec): string {
  return JSON.stringify({ ...spec, image: image?.name }, (_key, value: unknown) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([x], [y]) => (x < y ? -1 : 1)))
      : value,
  );
}

/** Services name both alike. @param host where it is, of a container */
export function nameTaken(name: string, by: 'container' | 'workload', host?: string): CausewayError {
  const where = host === undefined ? '' : ` on ${host}`;
  return new CausewayError(
    'conflict',
    `name ${show(name)} is taken by a ${by}${where}; choose another name`,
    { field: 'name', value: name },
  );
}

function checkEnv(env: Readonly<Record<string, string>>): void {
  const bytes = Object.entries(env).reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + Buffer.byteLength(text),
    0,
  );
  if (bytes > MAX_ENV_BYTES)
    throw invalid('env', `${bytes} bytes`, `is too much: at most ${MAX_ENV_BYTES} bytes are carried`);
}
