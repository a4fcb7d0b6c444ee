import { describe, expect, it, vi } from "vitest";

import { keepRunning, levelOf } from "./level";

describe("loudness", () => {
  it("runs from silence to full scale", () => {
    expect(levelOf(new Float32Array(512))).toBe(0);
    expect(levelOf(new Float32Array(512).fill(1))).toBe(1);
    expect(levelOf([])).toBe(0);
  });

  it("shows a quiet voice as a third to two thirds", () => {
    const voice = Float32Array.from({ length: 512 }, (_, i) => 0.03 * Math.sin(i / 5));
    expect(levelOf(voice)).toBeGreaterThan(0.33);
    expect(levelOf(voice)).toBeLessThan(0.66);
  });
});

describe("a context that the system interrupted", () => {
  it("goes on when the page is seen again, until it is no longer wanted", () => {
    const page = Object.assign(new EventTarget(), { visibilityState: "hidden" });
    vi.stubGlobal("document", page);
    const context = Object.assign(new EventTarget(), { state: "interrupted", resumed: 0, resume: () => Promise.resolve(void (context.resumed += 1)) });
    const forget = keepRunning(context as unknown as AudioContext);
    context.dispatchEvent(new Event("statechange"));
    expect(context.resumed).toBe(0);
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    expect(context.resumed).toBe(1);
    context.state = "running";
    context.dispatchEvent(new Event("statechange"));
    expect(context.resumed).toBe(1);
    context.state = "suspended";
    context.dispatchEvent(new Event("statechange"));
    expect(context.resumed).toBe(2);
    forget();
    page.dispatchEvent(new Event("visibilitychange"));
    expect(context.resumed).toBe(2);
    vi.unstubAllGlobals();
  });
});
