/**
 * Loaded into a program by NODE_OPTIONS=--import: its Date runs ahead of the machine's by the milliseconds that the
 * file named in LAB_CLOCK holds, and follows it when that changes. Timers and performance.now() stay as they are, as
 * on a machine whose clock is set.
 */
import { readFileSync } from 'node:fs';

const path = process.env.LAB_CLOCK ?? '';
const TRUST_MS = 10;
let offset = 0;
let readAt = Number.NEGATIVE_INFINITY;

function shift() {
  const at = performance.now();
  if (at - readAt > TRUST_MS) {
    readAt = at;
    try {
      offset = Number(readFileSync(path, 'utf8'));
    } catch {
      offset = 0;
    }
  }
  return offset;
}

const RealDate = Date;
const now = () => RealDate.now() + shift();

globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [now()] : args, newTarget),
  apply: () => String(new RealDate(now())),
  get: (target, key) => (key === 'now' ? now : Reflect.get(target, key)),
});
