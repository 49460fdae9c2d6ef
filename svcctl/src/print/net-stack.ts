import type { NetSection, NetStack } from '@causeway/shared/model/net-stack';
import { safe } from './safe.ts';

/** A heading per section, and a `*` before what is ours. */
export function netStackText({ of, sections }: NetStack): string {
  const head = `network of ${safe(of)}    (* made or set by Causeway)\n`;
  return [head, ...sections.map(sectionText)].join('\n');
}

function sectionText({ title, lines, fault }: NetSection): string {
  const told = lines.map(({ text, ours }) => `${ours ? '*' : ' '} ${safe(text)}\n`);
  const none = fault === undefined ? '  none\n' : `  ${safe(fault)}\n`;
  return `> ${safe(title)}\n${told.length === 0 ? none : told.join('')}`;
}
