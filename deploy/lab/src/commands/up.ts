import { createLab, type LabOptions } from '../lab.ts';
import { interruption, staying } from '../staying.ts';

export interface UpOptions extends LabOptions {
  /** Stay in the foreground, and take the lab along however this process ends. */
  readonly foreground?: boolean;
}

/** `lab up`: progress on stderr, nothing on stdout. */
export async function up({ foreground = false, ...options }: UpOptions): Promise<number> {
  const interrupted = foreground ? interruption() : undefined;
  const lab = await createLab({
    ...options,
    lifetime: foreground ? 'attached' : 'detached',
    progress: (line) => console.error(line),
  });
  const next = foreground ? 'Ctrl-C takes it down' : 'npm run lab -- down';
  console.error(
    `lab ${lab.name} is up. Machines: ${lab.members.join(', ')}. Next:
  npm run lab -- status
  npx svcctl get nodes
  npm run lab -- exec host-1 -- ip route
  ${next}`,
  );
  if (interrupted !== undefined) {
    await staying(lab.name, interrupted);
    await lab.down();
  }
  return 0;
}
