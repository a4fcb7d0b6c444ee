import { expect, test } from "vitest";

import { isLong } from "./patience";

const MINUTE = 60_000;

test("ten minutes are long", () => {
  expect(isLong(10 * MINUTE - 1, 0, null)).toBe(false);
  expect(isLong(10 * MINUTE, 0, null)).toBe(true);
});

test("who comes early has not waited in vain before the agreed time", () => {
  const starts_at = 30 * 60;
  expect(isLong(35 * MINUTE, 0, starts_at)).toBe(false);
  expect(isLong(40 * MINUTE, 0, starts_at)).toBe(true);
});

test("who comes late waits from then on", () => {
  expect(isLong(65 * MINUTE, 60 * MINUTE, 60)).toBe(false);
  expect(isLong(70 * MINUTE, 60 * MINUTE, 60)).toBe(true);
});
