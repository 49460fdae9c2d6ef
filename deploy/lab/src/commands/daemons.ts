import type { Lab } from '../lab.ts';
import { checkMember } from '../options.ts';
import { whichLab } from './which.ts';

type Verb = 'start' | 'stop';

/** `lab agent start|stop HOST` */
export async function agent(verb: Verb, host: string, options: { readonly name?: string }): Promise<number> {
  const lab = whichLab(options.name);
  checkMember(host, lab.hosts);
  await (verb === 'start' ? lab.startAgent(host) : lab.stopAgent(host));
  return said(lab, `the agent of ${host}`, verb);
}

/** `lab controller start|stop` */
export async function controller(verb: Verb, options: { readonly name?: string }): Promise<number> {
  const lab = whichLab(options.name);
  await (verb === 'start' ? lab.startController() : lab.stopController());
  return said(lab, 'the controller on host-1', verb);
}

function said(lab: Lab, what: string, verb: Verb): number {
  console.error(`lab ${lab.name}: ${what} is ${verb === 'start' ? 'started' : 'stopped'}`);
  return 0;
}
