// Says the newest of many things, a few times a second at most.

/** The participant core lets three a second through, the newest always; two such pauses one after
 * the other would make letters late (EN 301 549 6.2.4: half a second), so this one is short. */
export const LIVE_PAUSE_MS = 100;

/** Hands on what it is given: at once after a pause, otherwise the last one when the pause is over. */
export class Throttle<T> {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private next: { value: T } | null = null;

  constructor(
    private readonly say: (value: T) => void,
    private readonly pause_ms: number = LIVE_PAUSE_MS,
  ) {}

  /** The newest. */
  give(value: T): void {
    if (this.timer !== undefined) {
      this.next = { value };
      return;
    }
    this.say(value);
    this.wait();
  }

  /** Says now what was not said yet. */
  flush(): void {
    const { next } = this;
    this.stop();
    if (next !== null) this.say(next.value);
  }

  /** Forgets what was not said yet. */
  stop(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.next = null;
  }

  private wait(): void {
    this.timer = setTimeout(() => {
      this.timer = undefined;
      const { next } = this;
      if (next === null) return;
      this.next = null;
      this.say(next.value);
      this.wait();
    }, this.pause_ms);
  }
}
