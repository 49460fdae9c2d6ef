import { createLab, type LabOptions } from '../lab.ts';

/** `lab up`: progress on stderr, nothing on stdout. */
export async function up(options: LabOptions): Promise<number> {
  const lab = await createLab({
    ...options,
    lifetime: 'detached',
    progress: (line) => console.error(line),
  });
  console.error(
    `up. Machines: ${lab.members.join(', ')}. Next:
  npm run lab -- status
  npm run lab -- exec host-1 -- ip route
  npm run lab -- down`,
  );
  return 0;
}
