import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from '../../lab.ts';
import { matches, says } from '../judges.ts';
import type { Section, Story } from '../story.ts';

/** The container that this section runs, and that the next ones publish and filter. */
export const SHOP = { name: 'shop', host: 'host-2', hostPort: 8080, port: 80 } as const;

export const own: Section = { title: 'A container of our own: svcctl run', tell };

const SERVE = `mkdir /srv; echo hello from shop >/srv/hello; echo the shop is open; exec httpd -f -p ${SHOP.port} -h /srv`;

async function tell(story: Story): Promise<void> {
  const { name, host } = SHOP;
  const limits = mayLimit(story.lab) ? ['--cpus', '0.5', '--memory', '64M'] : [];
  await story.run({ svcctl: ['rm', name, '--force'] });
  await story.ask(
    'one command runs a container of an image on any host, with limits and a port of the host',
    {
      svcctl: [
        ...['run', name, '--host', host, '--image', 'busybox', ...limits],
        ...['--publish', `${SHOP.hostPort}:${SHOP.port}`, '--wait', '--', 'sh', '-c', SERVE],
      ],
    },
    matches(/container\/shop created/),
  );
  await story.ask('it is listed with its host and its address', { svcctl: ['ps'] }, (result) => {
    const line = /^shop\s.*host-2.*$/m.exec(result.stdout)?.[0];
    return { held: line !== undefined, came: line ?? result.stdout };
  });
  await story.ask('what it printed', { svcctl: ['logs', name] }, matches(/^the shop is open$/m));
  await story.ask(
    'a command in it, from this machine',
    { svcctl: ['exec', name, '--', 'hostname'] },
    says(name),
  );
  await story.ask(
    'it has its own processes, of which it is the first',
    { svcctl: ['exec', name, '--', 'cat', '/proc/1/comm'] },
    says('httpd'),
  );
}

/** Whether its hosts have control groups: an ordinary user's have none. */
function mayLimit(lab: Lab): boolean {
  return readFileSync(join(lab.directory, 'cgroup-name'), 'utf8').trim() !== '';
}
