import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ContainerSpec } from '@causeway/shared/model/container';

/** The port of every web server in the lab, and of the echo server in every container. */
export const WEB_PORT = 12345;
export const ECHO_PORT = 7777;

/** Prints the caller's address, as the web server sees it. An IPv6 socket sees `[::ffff:10.10.1.2]`. */
const PEER_SCRIPT = `#!/bin/sh
echo 'Content-Type: text/plain'
echo
peer=\${REMOTE_ADDR#[}
peer=\${peer%]}
echo "\${peer#::ffff:}"
`;

/** Says that the server is ready, unless somebody has made the file `/tmp/closed`. */
const READY_SCRIPT = `#!/bin/sh
[ ! -e /tmp/closed ] || printf 'Status: 503 Service Unavailable\\r\\n'
printf 'Content-Type: text/plain\\r\\n\\r\\n'
`;

/** One on each host, named after it, and a second one on the first host. */
export function webContainers(hosts: readonly string[]): ContainerSpec[] {
  const one = hosts.map((host) => webContainer(host.replace(/^host/, 'web'), host));
  const first = hosts[0];
  return first === undefined ? one : [...one, webContainer('web-1b', first)];
}

/** Whether `webContainer` made it. */
export function isWebContainer({ command, files }: ContainerSpec): boolean {
  return '/www/hello' in files && command.some((part) => part.includes(`httpd -f -p ${WEB_PORT} `));
}

/** `/hello` names the container, `/cgi-bin/peer` the caller, `/cgi-bin/ready` whether it serves; what is sent to port 7777 comes back. */
export function webContainer(name: string, host: string): ContainerSpec {
  const echo = `nc -ll -p ${ECHO_PORT} -e cat`;
  const web = `httpd -f -p ${WEB_PORT} -h /www`;
  return { name, host, command: ['sh', '-c', `${echo} & exec ${web}`], files: webFiles(name, '/www') };
}

/** The same pages for a machine of the lab, as files on disk. */
export function writeWebFiles(member: string, directory: string): void {
  for (const [path, content] of Object.entries(webFiles(member, ''))) {
    const file = join(directory, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, 0o755);
  }
}

export function webServer(directory: string): string[] {
  return ['busybox', 'httpd', '-f', '-p', String(WEB_PORT), '-h', directory];
}

function webFiles(name: string, root: string): Record<string, string> {
  return {
    [`${root}/hello`]: `hello from ${name}\n`,
    [`${root}/cgi-bin/peer`]: PEER_SCRIPT,
    [`${root}/cgi-bin/ready`]: READY_SCRIPT,
  };
}
