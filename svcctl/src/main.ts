import { run } from './cli.ts';
import { processIo } from './io.ts';

// A reader that went away (`svcctl get nodes | head -1`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? 0 : 1);
});

run(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
