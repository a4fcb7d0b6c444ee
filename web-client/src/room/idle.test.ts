import { expect, it } from "vitest";

import { ASK_SECONDS, idleAt, isSpoken } from "./idle";

const at = (minutes: number, seconds = 0): number => (minutes * 60 + seconds) * 1000;

it("nobody is asked who is not alone, or not yet for long, or where rooms stay open", () => {
  expect(idleAt(at(90), null, 10)).toEqual({ type: "no" });
  expect(idleAt(at(9, 59), 0, 10)).toEqual({ type: "no" });
  expect(idleAt(at(900), 0, 0)).toEqual({ type: "no" });
});

it("then one is asked for a minute, and then it is over", () => {
  expect(idleAt(at(10), 0, 10)).toEqual({ type: "asks", seconds: ASK_SECONDS });
  expect(idleAt(at(10, 48), 0, 10)).toEqual({ type: "asks", seconds: 12 });
  expect(idleAt(at(10, 59.5), 0, 10)).toEqual({ type: "asks", seconds: 1 });
  expect(idleAt(at(11), 0, 10)).toEqual({ type: "over" });
});

it("of the countdown only three moments are spoken", () => {
  const spoken = Array.from({ length: 61 }, (_, second) => second).filter(isSpoken);
  expect(spoken).toEqual([10, 30, 60]);
});
