import { existsSync } from 'node:fs';
import { createLab, type Lab, type LabOptions } from '@causeway/lab/lab';
import { afterAll, beforeAll, expect } from 'vitest';

/** A lab for one test file: brought up before its tests, gone after them, and with this process at the latest. */
export function useLab(options: LabOptions = {}): { readonly lab: Lab } {
  let lab: Lab | undefined;
  beforeAll(async () => {
    lab = await createLab({ name: 'test', ...options });
  });
  afterAll(async () => {
    await lab?.down();
    expect(existsSync(lab?.directory ?? '')).toBe(false);
  });
  return {
    get lab() {
      if (lab === undefined) throw new Error('the lab is not up');
      return lab;
    },
  };
}

/** What a command on a machine prints, trimmed; fails the test when the command fails. */
export async function output(lab: Lab, member: string, ...argv: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await lab.exec(member, argv);
  expect(exitCode, `${member}: ${argv.join(' ')}: ${stderr}`).toBe(0);
  return stdout.trim();
}
