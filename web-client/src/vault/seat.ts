// Runs one participant core: inputs in, outputs out, and its timer.
//
// The timer lives here and not on the page, because browsers slow down the timers of pages
// in the background, and a counsellor's waiting room must stay open there.

import type { Participant } from "aman-wasm";

import type { Input, Output } from "../protocol/participant";

/** One participant core and its timer. */
export class Seat {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private closed = false;

  constructor(
    readonly participant: Participant,
    private readonly now: () => number,
    private readonly onOutput: (output: Output) => void,
    /** Called after every input, once all of its outputs are carried out. */
    private readonly onSettled: () => void = () => undefined,
  ) {}

  /** Brings an input and carries out what follows: drain, then wait. */
  handle(input: Input): void {
    if (this.closed) return;
    this.participant.handleInput(this.now(), JSON.stringify(input));
    for (let json = this.participant.pollOutput(); json !== undefined; json = this.participant.pollOutput()) {
      this.onOutput(JSON.parse(json) as Output);
    }
    this.onSettled();
    this.armTimer();
  }

  /** Forgets the participant and every key it holds. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.participant.free();
  }

  private armTimer(): void {
    clearTimeout(this.timer);
    const at = this.participant.pollTimeout();
    if (at === undefined) return;
    this.timer = setTimeout(
      () => {
        this.handle({ type: "tick" });
      },
      Math.max(0, at - this.now()),
    );
  }
}
