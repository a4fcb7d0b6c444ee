import { describe, expect, it } from "vitest";

import { en } from "../i18n/en";
import { newKnocks, titleWithCount } from "./knocks";
import { lineOf } from "./line";
import { endingOf } from "./words";

describe("an ending", () => {
  it("has words for each farewell, and offers a way back only where there is one", () => {
    const reasons = ["left", "declined", "removed", "room_ended", "replaced", "revoked", "lost", "server_stopping", "internal"] as const;
    const again = reasons.filter((reason) => {
      const ending = endingOf({ type: "farewell", reason });
      expect(en[ending.title]).not.toBe("");
      return ending.again !== null;
    });
    expect(again).toEqual(["left", "lost", "server_stopping", "internal"]);
  });

  it("looks wrong only when somebody tampers", () => {
    expect(endingOf({ type: "unsafe", code: "ghost" })).toMatchObject({ wrong: true, code: "unsafe-ghost", again: null });
    expect(endingOf({ type: "refused", reject: { code: "expired" } })).toMatchObject({ wrong: false, code: "expired" });
  });
});

describe("knocks", () => {
  const ana = { participant: "1", name: "Ana", invite_number: 0, other_device: false, waited_ms: 0 };
  const ben = { ...ana, participant: "2", name: "Ben" };

  it("ring once for each person", () => {
    expect(newKnocks([], [ana])).toEqual([ana]);
    expect(newKnocks([ana], [ana, ben])).toEqual([ben]);
    expect(newKnocks([ana, ben], [ben])).toEqual([]);
  });

  it("are counted in the title", () => {
    expect(titleWithCount("Desk", 0)).toBe("Desk");
    expect(titleWithCount("Desk", 2)).toBe("(2) Desk");
  });
});

describe("the line", () => {
  it.each([
    [null, null, "unknown"],
    [40, 0, "good"],
    [400, 0, "fair"],
    [40, 0.05, "fair"],
    [900, 0, "weak"],
    [40, 0.2, "weak"],
  ] as const)("with %s ms and %s lost is %s", (round_trip_ms, lost, line) => {
    expect(lineOf({ round_trip_ms, lost })).toBe(line);
  });
});
