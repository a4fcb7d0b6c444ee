import { describe, expect, it } from "vitest";

import { padTitle, unpadTitle } from "./title";

describe("a title before it is sealed", () => {
  it("has one length, whatever it says", () => {
    expect(padTitle("")?.length).toBe(482);
    expect(padTitle("约".repeat(160))?.length).toBe(482);
    expect(padTitle("约".repeat(161))).toBeNull();
  });

  it("comes back", () => {
    for (const title of ["", "Tuesday", "محادثة سمر", "x".repeat(480)]) expect(unpadTitle(padTitle(title) ?? new Uint8Array())).toBe(title);
  });

  it("of an older room comes back too", () => {
    const padded = new Uint8Array(241);
    const text = new TextEncoder().encode("Tuesday, first talk");
    padded[0] = text.length;
    padded.set(text, 1);
    expect(unpadTitle(padded)).toBe("Tuesday, first talk");
  });
});
