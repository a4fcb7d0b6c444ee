import { describe, expect, it } from "vitest";

import { levelOf } from "./level";

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
