/** One kind of thing that services hold, each at most once in the cluster. */
export interface Holdings {
  /** As a sentence calls it: `VIP 2.2.2.2`. */
  readonly nameOf: (thing: string) => string;
  /** By thing: the service that etcd's record of it names. */
  readonly recorded: ReadonlyMap<string, string>;
  /** By thing: the services whose definitions have it. */
  readonly used: ReadonlyMap<string, readonly string[]>;
  readonly services: { has(name: string): boolean };
  /** Whether a service cannot be read, so that nobody knows what it has. */
  readonly isUnknown: (service: string) => boolean;
}

/**
 * Compares what is recorded as given away with what services have.
 *
 * @returns a sentence for whatever is leaked, missing or doubled
 */
export function heldOnce(holdings: Holdings): readonly string[] {
  return [...leaked(holdings), ...missing(holdings)];
}

function leaked({ nameOf, recorded, used, services, isUnknown }: Holdings): readonly string[] {
  return [...recorded].flatMap(([thing, service]) => {
    if (isUnknown(service) || used.get(thing)?.includes(service)) return [];
    const why = services.has(service) ? 'which does not have it' : 'which does not exist';
    return [`${nameOf(thing)} is recorded for service ${quoted(service)}, ${why}: it is leaked`];
  });
}

function missing({ nameOf, recorded, used, isUnknown }: Holdings): readonly string[] {
  return [...used].flatMap(([thing, all]) => {
    const owner = recorded.get(thing);
    const doubled =
      all.length > 1
        ? [`${nameOf(thing)} is doubled: services ${all.map(quoted).join(' and ')} have it`]
        : [];
    const lost = all
      .filter((service) => service !== owner && !isUnknown(service))
      .map((service) =>
        owner === undefined
          ? `${nameOf(thing)} of service ${quoted(service)} is not recorded, so it could be given away again`
          : `${nameOf(thing)} of service ${quoted(service)} is recorded for service ${quoted(owner)}`,
      );
    return [...doubled, ...lost];
  });
}

/** A name on one line, whatever others wrote to etcd. */
export function quoted(name: string): string {
  return JSON.stringify(name.length > 80 ? `${name.slice(0, 80)}…` : name);
}
