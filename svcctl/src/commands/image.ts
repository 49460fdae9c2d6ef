import { CausewayError } from '@causeway/shared/errors';
import type { ImageView, TakenImageView } from '../api.ts';
import { type Context, dryRunOption, outputOption, type WriteOptions } from '../context.ts';
import { archiveOf } from '../input/archive.ts';
import { inFlags } from '../input/flags.ts';
import { type Output, printData } from '../print/output.ts';
import { safe } from '../print/safe.ts';
import { type Column, table } from '../print/table.ts';
import { SEVERAL_HELP, Several } from '../several.ts';

interface TakeOptions {
  readonly host?: string;
}

interface PullOptions extends TakeOptions {
  readonly name?: string;
  readonly tlsVerify: boolean;
}

/** A host that unpacks or pulls says nothing until it has done so, milliseconds. */
const SILENCE_MS = 60 * 60 * 1_000;

export function addImage(context: Context): void {
  const image = context.command(
    context.program,
    'image',
    'Images that containers are made of; every cluster has "busybox"',
    ['svcctl image ls'],
  );
  context
    .command(image, 'import', 'Import an image from an archive or a folder', [
      'svcctl image import web:2 rootfs.tar',
      'svcctl image import web:2 oci-layout/ --host host-1',
      'docker save web:2 | svcctl image import web:2 -',
    ])
    .argument('<name>', 'web, web:2: a name that another image has moves to this one')
    .argument(
      '<archive>',
      'a root file system, an OCI layout or what docker save writes: a tar, a folder, or - for stdin',
    )
    .option('--host <name>', 'the host that takes it (default: any)')
    .addHelpText('after', '\nTars may be packed with gzip or zstd. Other hosts fetch it when they need it.')
    .action((name: string, archive: string, options: TakeOptions) =>
      importImage(context, name, archive, options),
    );
  context
    .command(image, 'pull', 'Have a host pull an image from a registry, by skopeo', [
      'svcctl image pull docker://registry.example/web:2 --name web:2 --host host-1',
    ])
    .argument('<reference>', 'docker://NAME[:TAG], or oci:FOLDER[:TAG] on the host')
    .option('--name <name>', 'what it is called here (default: as in the reference)')
    .option('--host <name>', 'the host that pulls it (default: any)')
    .option('--no-tls-verify', 'take a registry without TLS, or with a certificate that nobody vouches for')
    .action((reference: string, options: PullOptions) => pull(context, reference, options));
  context
    .command(image, 'ls', 'List all images and the hosts that hold them', ['svcctl image ls -o wide'])
    .alias('list')
    .addOption(outputOption())
    .action((options: { output?: Output }) => list(context, options.output));
  context
    .command(image, 'rm', 'Take images’ names back; refused while a container is made of one', [
      'svcctl image rm web:2',
      'svcctl image rm web:1 web:2',
    ])
    .alias('remove')
    .argument('<name...>', 'the images’ names')
    .addOption(dryRunOption())
    .addHelpText(
      'after',
      `\nHosts remove what has no name and no container some minutes later. ${SEVERAL_HELP}`,
    )
    .action((names: readonly string[], options: WriteOptions) => remove(context, names, options));
}

async function importImage(
  context: Context,
  name: string,
  path: string,
  { host }: TakeOptions,
): Promise<void> {
  const client = context.client();
  const archive = await archiveOf(path);
  const query = { name, ...(host === undefined ? {} : { host }) };
  const answer = await client
    .ask<TakenImageView>('POST', '/v1/images', { query, archive, silenceMs: SILENCE_MS })
    .catch((error: unknown) => {
      throw ofArchive(error, path);
    });
  tell(context, answer.body, answer.status === 201 ? 'created' : 'imported');
}

/** Whoever takes an archive does not know what it is called here. */
function ofArchive(error: unknown, path: string): unknown {
  if (!(error instanceof CausewayError) || !error.message.startsWith('the archive')) return error;
  const told = `importing ${path}: ${error.message}`;
  return new CausewayError(error.code, told, { field: 'archive', value: path, cause: error });
}

async function pull(
  context: Context,
  reference: string,
  { name, host, tlsVerify }: PullOptions,
): Promise<void> {
  const body = {
    ...{ name: name ?? nameIn(reference), reference, verifyTls: tlsVerify },
    ...(host === undefined ? {} : { host }),
  };
  const answer = await context
    .client()
    .ask<TakenImageView>('POST', '/v1/images/pull', { body, silenceMs: SILENCE_MS })
    .catch((error: unknown) => {
      throw inFlags(error, [
        [/^host$/, 'host'],
        [/^name$/, 'name'],
      ]);
    });
  tell(context, answer.body, answer.status === 201 ? 'created' : 'pulled');
}

/** `docker://registry.example/web:2` is called `registry.example/web:2`, `oci:/srv/layout:web` is `web`. */
function nameIn(reference: string): string {
  if (reference.startsWith('docker://')) return reference.slice('docker://'.length);
  return reference.slice(reference.lastIndexOf(':') + 1).replace(/^.*\//, '');
}

function tell(context: Context, { name, digest, hosts, notes }: TakenImageView, verb: string): void {
  for (const note of notes) context.note(note);
  context.io.out(`${safe(`image/${name} ${verb}  ${digest} on ${hosts.join(', ')}`)}\n`);
}

async function remove(context: Context, names: readonly string[], { dryRun }: WriteOptions): Promise<void> {
  const query = dryRun ? { dryRun: 'true' } : {};
  const client = context.client();
  const several = new Several(context);
  for (const name of new Set(names))
    await several.attempt(async () => {
      await client.ask('DELETE', `/v1/images/${encodeURIComponent(name)}`, { query });
      context.io.out(`${safe(`image/${name}`)} deleted${dryRun ? ' (dry run)' : ''}\n`);
    });
  several.end();
}

const SHORT_DIGEST = 'sha256:'.length + 12;
const COLUMNS: readonly Column<ImageView>[] = [
  { header: 'NAME', cell: ({ name }) => name },
  { header: 'DIGEST', cell: ({ digest }) => digest?.slice(0, SHORT_DIGEST) ?? 'built-in' },
  { header: 'SIZE', cell: ({ size }) => (size === undefined ? undefined : sizeText(size)) },
  { header: 'HOSTS', cell: ({ hosts }) => hosts.join(',') },
  { header: 'CREATED', cell: ({ createdAt }) => createdAt },
];
const WIDE: readonly Column<ImageView>[] = COLUMNS.map((column) =>
  column.header === 'DIGEST' ? { header: 'DIGEST', cell: ({ digest }) => digest ?? 'built-in' } : column,
);

async function list(context: Context, output: Output | undefined): Promise<void> {
  const { io } = context;
  const { items, revision } = await context.client().list<ImageView>('/v1/images');
  if (output === 'json' || output === 'yaml') {
    const views = items.map((item) => ({ kind: 'Image', ...item }));
    await printData(io, { kind: 'List', items: views, revision }, output);
  } else if (output === 'name') for (const { name } of items) io.out(`${safe(`image/${name}`)}\n`);
  else {
    const style = { wide: true, colour: io.colour, headers: true };
    io.out(table(items, output === 'wide' ? WIDE : COLUMNS, style));
  }
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.5 MiB` */
function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_024 && unit < UNITS.length - 1) {
    value /= 1_024;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${UNITS[unit]}`;
}
