import { invalid } from '@causeway/shared/errors';
import type { Dataplane } from '@causeway/shared/model/dataplane';
import { watchedOf } from '../cluster.ts';
import type { Lab } from '../lab.ts';
import { checkMember } from '../options.ts';
import { waitController } from '../readiness.ts';
import { liveLab } from '../state.ts';
import { whichLab, whichLabToStop } from './which.ts';

/** Milliseconds. */
const CONTROLLER_TIMEOUT_MS = 30_000;

type Verb = 'start' | 'stop';

export interface AgentOptions {
  readonly name?: string;
  /** Of this start only; without it, the lab's. */
  readonly dataplane?: Dataplane;
}

/** `lab agent start|stop HOST` */
export async function agent(verb: Verb, host: string, options: AgentOptions): Promise<number> {
  const { name, dataplane } = options;
  if (verb === 'stop' && dataplane !== undefined)
    throw invalid('dataplane', dataplane, 'goes with a start: a stopped agent has none');
  const lab = verb === 'stop' ? whichLabToStop(name) : whichLab(name);
  checkMember(host, lab.hosts);
  await (verb === 'start'
    ? lab.startAgent(host, dataplane === undefined ? {} : { dataplane })
    : lab.stopAgent(host));
  return said(lab, `the agent of ${host}`, verb);
}

/** `lab controller start|stop`; a started one answers. */
export async function controller(verb: Verb, options: { readonly name?: string }): Promise<number> {
  const lab = verb === 'stop' ? whichLabToStop(options.name) : whichLab(options.name);
  if (verb === 'stop') await lab.stopController();
  else {
    await lab.startController();
    await answering(lab);
  }
  return said(lab, 'the controller on host-1', verb);
}

/** @throws CausewayError `timeout` or `command-failed` with the end of its log */
async function answering(lab: Lab): Promise<void> {
  const found = liveLab(lab.name);
  if (found === undefined) return;
  await waitController(watchedOf(found.state, found.directory), CONTROLLER_TIMEOUT_MS);
}

function said(lab: Lab, what: string, verb: Verb): number {
  console.error(`lab ${lab.name}: ${what} is ${verb === 'start' ? 'started' : 'stopped'}`);
  return 0;
}
