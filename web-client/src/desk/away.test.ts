import { expect, it } from "vitest";

import { secondsLeft } from "./away";

it("the desk asks for a minute before it signs itself out, and never where the operator does not want it", () => {
  const at = (seconds: number, minutes = 15): number | null => secondsLeft(1_000_000, 1_000_000 + seconds * 1000, minutes);
  expect([at(0), at(839), at(840), at(870), at(900), at(5000)]).toEqual([null, null, 60, 30, 0, 0]);
  expect(at(100_000, 0)).toBeNull();
});
