// Says the newest of many things, a few times a second at most.

/** At most three a second: the last letter is never later than this. */
export const LIVE_PAUSE_MS = 334;

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
