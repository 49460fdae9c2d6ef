/**
 * What each of many things has, looked up from the other side. Nearly every key is had by one thing alone, of which no
 * set is made: there may be a hundred thousand.
 */
export class Multimap {
  readonly #having = new Map<string, string | Set<string>>();

  /** Takes from an owner the keys that it had and gives it those that it has; either may name one twice. */
  move(owner: string, had: readonly string[], has: readonly string[]): void {
    if (had.length === has.length && had.every((key, index) => key === has[index])) return;
    const now = new Set(has);
    for (const key of had) if (!now.has(key)) this.#take(key, owner);
    for (const key of now) this.#give(key, owner);
  }

  /** The owners of a key. */
  of(key: string): Iterable<string> {
    const owners = this.#having.get(key);
    return typeof owners === 'string' ? [owners] : (owners ?? []);
  }

  /** One of them, if there are any. */
  oneOf(key: string): string | undefined {
    for (const owner of this.of(key)) return owner;
    return undefined;
  }

  has(key: string, owner: string): boolean {
    const owners = this.#having.get(key);
    return typeof owners === 'string' ? owners === owner : (owners?.has(owner) ?? false);
  }

  countOf(key: string): number {
    const owners = this.#having.get(key);
    return typeof owners === 'string' ? 1 : (owners?.size ?? 0);
  }

  keys(): Iterable<string> {
    return this.#having.keys();
  }

  #give(key: string, owner: string): void {
    const owners = this.#having.get(key);
    if (owners === undefined) this.#having.set(key, owner);
    else if (typeof owners !== 'string') owners.add(owner);
    else if (owners !== owner) this.#having.set(key, new Set([owners, owner]));
  }

  #take(key: string, owner: string): void {
    const owners = this.#having.get(key);
    if (owners === owner) this.#having.delete(key);
    else if (owners instanceof Set && owners.delete(owner) && owners.size === 0) this.#having.delete(key);
  }
}
