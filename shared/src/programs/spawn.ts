import { execa, type Options } from 'execa';
import { environment } from './environment.ts';

/**
 * A program without a shell, in the C locale. Its end is a result, never a rejection: whoever asks says what is a failure.
 */
export function spawn<Given extends Options>(command: string, args: readonly string[], given: Given) {
  const always = { reject: false, stripFinalNewline: false, env: environment(given.env) } as const;
  return execa(command, [...args], { ...given, ...always });
}
