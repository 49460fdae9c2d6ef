import { createLab, type LabOptions } from '../lab.ts';

export interface UpOptions extends LabOptions {
  /** Stay in the foreground, and take the lab along however this process ends. */
  readonly foreground?: boolean;
}

/** `lab up`: progress on stderr, nothing on stdout. */
export async function up({ foreground = false, ...options }: UpOptions): Promise<number> {
  const interrupted = foreground ? nextInterrupt() : undefined;
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
    await interrupted;
    await lab.down();
  }
  return 0;
}

function nextInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    // Signals alone do not keep a program running.
    const alive = setInterval(() => undefined, 2 ** 30);
    const end = () => {
      clearInterval(alive);
      resolve();
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  });
}
