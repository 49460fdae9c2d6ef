import type { FirewallTool } from '../plan/observed.ts';
import type { Running } from './keep-running.ts';

/** Tells when somebody else changed rules. */
export interface RuleWatch extends Running {
  /**
   * Announces a change of our own, so that it is not taken for somebody else's.
   *
   * @param input what the tool is given
   * @returns to be called when the change was made, or failed
   */
  expectOwn(tool: FirewallTool, input: string): (made: boolean) => void;
}
