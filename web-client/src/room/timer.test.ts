import { expect, it } from "vitest";

import { clockAt } from "./timer";

const START = 1_795_000_000;
const at = (minutes: number): number => (START + minutes * 60) * 1000;
const planned = { starts_at: START, minutes: 50 };

it("without a length the clock says how long it has been", () => {
  expect(clockAt(at(12.9), at(0), null)).toEqual({ type: "elapsed", minutes: 12 });
  expect(clockAt(at(-1), at(0), null)).toEqual({ type: "elapsed", minutes: 0 });
});

it("with a length the clock says what is left, also to somebody who came late or early", () => {
  expect(clockAt(at(20), at(0), planned)).toEqual({ type: "left", minutes: 30, soon: false });
  expect(clockAt(at(20), at(15), planned)).toEqual({ type: "left", minutes: 30, soon: false });
  expect(clockAt(at(-5), at(-10), planned)).toEqual({ type: "left", minutes: 55, soon: false });
});

it("the last five minutes are marked, and time over is said", () => {
  expect(clockAt(at(44.9), at(0), planned)).toEqual({ type: "left", minutes: 6, soon: false });
  expect(clockAt(at(45), at(0), planned)).toEqual({ type: "left", minutes: 5, soon: true });
  expect(clockAt(at(49.9), at(0), planned)).toEqual({ type: "left", minutes: 1, soon: true });
  expect(clockAt(at(50), at(0), planned)).toEqual({ type: "over", minutes: 0 });
  expect(clockAt(at(53.5), at(0), planned)).toEqual({ type: "over", minutes: 3 });
});

it("a call at quite another time is not measured by the appointment", () => {
  expect(clockAt(at(60), at(55), planned)).toEqual({ type: "elapsed", minutes: 5 });
  expect(clockAt(at(-90), at(-100), planned)).toEqual({ type: "elapsed", minutes: 10 });
});
