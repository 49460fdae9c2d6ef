import type { Lab } from '../lab.ts';

/** What one check found. */
export interface Outcome {
  readonly section: string;
  /** What was asked, a sentence. */
  readonly ask: string;
  /** The command as anyone could type it. */
  readonly command: string;
  /** What came back, one line. */
  readonly came: string;
  readonly held: boolean;
}

/** A command somewhere in the lab: on one of its hosts, or `svcctl` on this machine. */
export type Command =
  | { readonly on: string; readonly argv: readonly string[] }
  | { readonly svcctl: readonly string[] };

export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Wall time of the command, milliseconds. */
  readonly ms: number;
}

/** Says whether a result is what was expected, and what to show of it. */
export type Judge = (result: Result) => { readonly held: boolean; readonly came: string };

export interface Story {
  readonly lab: Lab;
  /** Runs the command and reports the outcome; a failure is reported, never thrown. */
  ask(question: string, command: Command, judge: Judge): Promise<Outcome>;
  /** Reports what several commands together showed. `typed` is the command that shows it. */
  tell(
    question: string,
    typed: string,
    find: () => Promise<{ held: boolean; came: string }>,
  ): Promise<Outcome>;
  /** Runs a command without reporting it. */
  run(command: Command): Promise<Result>;
}

export type Section = { readonly title: string; readonly tell: (story: Story) => Promise<void> };

/** Makes a story over a running lab; every outcome is handed to `report` as it comes. */
export function createStory(lab: Lab, section: string, report: (outcome: Outcome) => void): Story {
  const run = async (command: Command): Promise<Result> => {
    const started = performance.now();
    const result =
      'svcctl' in command ? await lab.svcctl(command.svcctl) : await lab.exec(command.on, command.argv);
    return { ...result, ms: Math.round(performance.now() - started) };
  };
  const tell: Story['tell'] = async (ask, typed, find) => {
    const found = await find().catch((error: unknown) => ({
      held: false,
      came: error instanceof Error ? error.message : String(error),
    }));
    const outcome = { section, ask, command: typed, ...found };
    report(outcome);
    return outcome;
  };
  return {
    lab,
    run,
    tell,
    ask: (question, command, judge) => tell(question, typed(command), async () => judge(await run(command))),
  };
}

/** The command line that a person types for this. */
export function typed(command: Command): string {
  if ('svcctl' in command) return `npx svcctl ${quoted(command.svcctl)}`;
  return `npm run lab -- exec ${command.on} -- ${quoted(command.argv)}`;
}

function quoted(argv: readonly string[]): string {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
}
