import { CausewayError, invalid } from '@causeway/shared/errors';
import { isInstalled } from '@causeway/shared/programs/environment';
import { run } from '@causeway/shared/programs/run';

export interface PullRequest {
  /** `docker://docker.io/library/nginx:1.25`, `oci:/srv/layout:tag`: a reference as skopeo takes it. */
  readonly reference: string;
  /** False: a registry without TLS, or with a certificate that nobody vouches for, will do. */
  readonly verifyTls: boolean;
}

/** skopeo speaks to whom it likes for so long, milliseconds. */
const PULL_MS = 60 * 60 * 1_000;
/** skopeo's, of every failure. */
const FAILED = 1;
const TRANSPORTS = ['docker://', 'oci:'];

/**
 * Copies an image from a registry into an OCI layout, by skopeo.
 *
 * @param layout a folder, which skopeo makes
 * @throws CausewayError `invalid`, `not-found` when this host has no skopeo, `command-failed` with skopeo's words
 */
export async function pullInto(layout: string, { reference, verifyTls }: PullRequest): Promise<void> {
  checkReference(reference);
  if (!isInstalled('skopeo'))
    throw new CausewayError(
      'not-found',
      `pulling ${reference}: this host has no program "skopeo" (Debian: skopeo); import the image from a file instead`,
    );
  const tls = verifyTls ? [] : ['--src-tls-verify=false'];
  // A layout holds no signatures; they are judged by the host's policy all the same.
  const flags = ['--quiet', '--remove-signatures', ...tls];
  const doing = `pulling ${reference}`;
  const { exitCode, stderr } = await run(
    'skopeo',
    ['copy', ...flags, '--', reference, `oci:${layout}:image`],
    { doing, timeoutMs: PULL_MS, okCodes: [FAILED] },
  );
  if (exitCode !== 0) throw new CausewayError('command-failed', `${doing}: ${reasonIn(stderr)}`);
}

/** skopeo logs why it ends: `time="…" level=fatal msg="…"`. */
function reasonIn(stderr: string): string {
  const [, quoted] = /level=fatal msg=("(?:[^"\\]|\\.)*")/.exec(stderr) ?? [];
  try {
    return String(JSON.parse(quoted ?? '')).trim();
  } catch {
    return stderr.trim() || 'skopeo failed, and does not say why';
  }
}

function checkReference(reference: string): void {
  const transport = TRANSPORTS.find((one) => reference.startsWith(one));
  if (transport === undefined || reference.length === transport.length)
    throw invalid('reference', reference, 'is neither docker://NAME[:TAG] nor oci:FOLDER[:TAG]');
  if (/[\s\p{Cc}]/u.test(reference))
    throw invalid('reference', reference, 'has a space or a control character in it');
}
