/**
 * Reads what `ip -force -batch` complains of: one or more lines of text, then `Command failed -:LINE`.
 *
 * @returns complaints by line, from 1, and a last one that no line was named for
 */
export function readComplaints(stderr: string): {
  readonly byLine: ReadonlyMap<number, string>;
  readonly last: string | undefined;
} {
  const byLine = new Map<number, string>();
  let text: string[] = [];
  for (const line of stderr.split('\n').filter((one) => one !== '')) {
    const number = /^Command failed .*:(\d+)$/.exec(line)?.[1];
    if (number === undefined) text.push(line);
    else {
      byLine.set(Number(number), text.join('; ') || 'refused');
      text = [];
    }
  }
  return { byLine, last: text.length === 0 ? undefined : text.join('; ') };
}
