import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { Participant } from "aman-wasm";

import type { Input, Output } from "../protocol/participant";
import { Seat } from "./seat";

/** A core that answers each input with one output and asks for a tick. */
class FakeCore {
  readonly inputs: Input[] = [];
  readonly outputs: Output[] = [];
  timeout: number | undefined;
  freed = 0;

  handleInput(_nowMs: number, json: string): void {
    const input = JSON.parse(json) as Input;
    this.inputs.push(input);
    if (input.type === "start") this.outputs.push({ type: "connect" }, { type: "make_offer" });
  }

  pollOutput(): string | undefined {
    const output = this.outputs.shift();
    return output === undefined ? undefined : JSON.stringify(output);
  }

  pollTimeout(): number | undefined {
    return this.timeout;
  }

  free(): void {
    this.freed += 1;
  }
}

describe("a seat", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  const seated = (core: FakeCore): { seat: Seat; seen: string[] } => {
    const seen: string[] = [];
    const seat = new Seat(core as unknown as Participant, () => Date.now(), (output) => void seen.push(output.type));
    return { seat, seen };
  };

  it("drains every output, in order", () => {
    const { seat, seen } = seated(new FakeCore());
    seat.handle({ type: "start" });
    expect(seen).toEqual(["connect", "make_offer"]);
  });

  it("ticks when the core asks for it, once", () => {
    const core = new FakeCore();
    const { seat } = seated(core);
    core.timeout = Date.now() + 300;
    seat.handle({ type: "start" });
    vi.advanceTimersByTime(299);
    expect(core.inputs).toHaveLength(1);
    core.timeout = undefined;
    vi.advanceTimersByTime(1000);
    expect(core.inputs.map((input) => input.type)).toEqual(["start", "tick"]);
  });

  it("forgets the participant once, and says nothing afterwards", () => {
    const core = new FakeCore();
    const { seat, seen } = seated(core);
    core.timeout = Date.now() + 10;
    seat.handle({ type: "start" });
    seat.close();
    seat.close();
    vi.advanceTimersByTime(100);
    seat.handle({ type: "start" });
    expect(core.freed).toBe(1);
    expect(core.inputs).toHaveLength(1);
    expect(seen).toHaveLength(2);
  });
});
