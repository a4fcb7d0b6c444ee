import { expect, it } from "vitest";

import { hearken, SILENT, type Speech } from "./speaking";

const hear = (levels: number[], from: Speech = SILENT): boolean[] => {
  let now = from;
  return levels.map((level) => (now = hearken(now, level, 66)).speaking);
};

it("a voice shows within a fifth of a second, a click does not", () => {
  expect(hear([0.6, 0.6, 0.6]).at(-1)).toBe(true);
  expect(hear([0, 0.9, 0, 0, 0.9, 0])).not.toContain(true);
});

it("pauses between words do not make it flicker", () => {
  const words = [0.6, 0.6, 0.6, 0, 0, 0, 0, 0, 0.6, 0.6, 0, 0, 0, 0];
  expect(hear(words).slice(2)).not.toContain(false);
});

it("it ends after a longer pause, and a quiet room is silent", () => {
  expect(hear([0.6, 0.6, 0.6, ...Array.from({ length: 12 }, () => 0.05)]).at(-1)).toBe(false);
  expect(hear(Array.from({ length: 50 }, () => 0.2))).not.toContain(true);
});
