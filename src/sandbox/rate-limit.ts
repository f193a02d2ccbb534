/** At most so many requests in any second for one key; a refused request does not count. */
export class RateLimit {
  readonly #perSecond: number | undefined;
  readonly #taken = new Map<string, number[]>();

  constructor(perSecond: number | undefined) {
    this.#perSecond = perSecond;
  }

  /** Undefined where the request may pass, else the milliseconds until one may. */
  take(key: string, nowMs: number): number | undefined {
    if (this.#perSecond === undefined) return undefined;
    const recent = (this.#taken.get(key) ?? []).filter((at) => at > nowMs - 1_000);
    this.#taken.set(key, recent);
    const [oldest] = recent;
    if (recent.length >= this.#perSecond && oldest !== undefined) return oldest + 1_000 - nowMs;
    recent.push(nowMs);
    return undefined;
  }
}
