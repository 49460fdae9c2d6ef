import type { Attacher } from './attach/index.ts';
import type { AddressGate } from './gate.ts';
import type { ImageSupply } from './image-supply.ts';
import type { Line } from './line.ts';
import type { RuntimeEvent } from './move.ts';
import type { Layout } from './places.ts';
import type { ProcessId } from './processes.ts';
import type { Restarts } from './restarts.ts';
import type { Stops } from './stop.ts';

/** The part of a pino logger that is used here. */
export interface RuntimeLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

/** What one pass hands on to the next; losing it loses nothing but the delays of restarts and stops. */
export interface Pass {
  readonly layout: Layout;
  readonly logger: RuntimeLogger;
  readonly restarts: Restarts;
  readonly stops: Stops;
  readonly line: Line;
  readonly images: ImageSupply;
  readonly attacher: Attacher;
  readonly gate: AddressGate | undefined;
  /** What could not be removed, by name: those that were tried last stand at the end. */
  readonly stuck: Set<string>;
  /** What the log has already of what lasts, by container name; of the host itself by ''. */
  readonly warned: Map<string, string>;
  /** What was last done, by name, to those that were to be repaired or attached when they were last looked at. */
  readonly tried: Map<string, string>;
  /** First processes by container name, as the last pass left them. */
  readonly running: Map<string, ProcessId>;
  /** Tells people. */
  readonly tell: (kind: RuntimeEvent, message: string) => void;
  /** Asks for another pass soon. */
  readonly wake: () => void;
  /** Milliseconds. */
  readonly now: () => number;
}
