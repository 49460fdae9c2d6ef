import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { execArguments, inTerminal, quoted } from './exec-command.ts';

const where = { runcRoot: '/r', name: 'web', pidFile: '/p', logFile: '/l', user: undefined };

it('names everything before the command, which cannot be taken for an option', () => {
  const request = { command: ['--root', '/x'], env: { A: 'b=c d' }, workdir: '/w', stdin: true };
  expect(execArguments(request, { ...where, user: '5:6' }).join(' ')).toBe(
    '--root /r --log /l --log-format json exec --pid-file /p --env A=b=c d --user 5:6 --cwd /w -- web --root /x',
  );
});

it('hands any words to the shell that begins a terminal as they are', () => {
  const word = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'));
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), (words) => {
      const script = `printf '%s\\0' ${words.map(quoted).join(' ')}`;
      const printed = execFileSync('sh', ['-c', script], { encoding: 'buffer' });
      expect(printed).toEqual(Buffer.from(words.map((one) => `${one}\0`).join('')));
    }),
    { numRuns: 40 },
  );
});

it('sets the size before the command begins', () => {
  const [program, args] = inTerminal(['runc', "it's"], '/tty', { columns: 80, rows: 24 });
  expect(program).toBe('script');
  expect(args.at(-2)).toBe("tty >'/tty'\nstty rows 24 cols 80\nexec 'runc' 'it'\\''s'");
});
