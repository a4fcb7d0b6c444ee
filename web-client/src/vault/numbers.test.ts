import { describe, expect, it } from "vitest";

import type { KeptLinks, Share } from "./numbers";
import { given, INVITES_MAX, nextNumber, shareFrom, split, WHOLE } from "./numbers";

const NONE: KeptLinks = { next: 0, revoked: [] };

function take(count: number, share: Share, taken: number[] = [], kept = NONE): { numbers: (number | null)[]; kept: KeptLinks } {
  const numbers: (number | null)[] = [];
  for (let n = 0; n < count; n += 1) {
    const number = nextNumber(kept, taken, share);
    numbers.push(number);
    if (number !== null) kept = given(kept, number);
  }
  return { numbers, kept };
}

describe("the number of the next link", () => {
  it("is never one of before, whatever the server says", () => {
    expect(take(4, WHOLE).numbers).toEqual([0, 1, 2, 3]);
    expect(take(3, WHOLE, [0, 2]).numbers).toEqual([1, 3, 4]);
    const { kept } = take(3, WHOLE, [0, 2]);
    expect(take(2, WHOLE, [], kept).numbers).toEqual([0, 2]);
  });

  it("ends when there are no more", () => {
    const { numbers } = take(INVITES_MAX + 2, { start: 8, width: 8 });
    expect(new Set(numbers.slice(0, INVITES_MAX)).size).toBe(INVITES_MAX);
    expect(numbers.slice(INVITES_MAX)).toEqual([null, null]);
  });

  it("goes on from what was kept before there were shares", () => {
    expect(take(2, WHOLE, [], { next: 3, revoked: [1] }).numbers).toEqual([3, 4]);
  });
});

describe("devices that were paired", () => {
  it("give different numbers for as long as each has some of its own, even to a server that hides them", () => {
    const first = split(WHOLE);
    const second = split(first.stays);
    const third = split(first.goes);
    const devices = [second.stays, second.goes, third.stays, third.goes];
    const all = devices.flatMap((share) => take(share.width, share).numbers);
    expect(new Set(all).size).toBe(INVITES_MAX);
  });

  it("take no nonsense for a share", () => {
    expect(shareFrom({ start: 8, width: 8 })).toEqual({ start: 8, width: 8 });
    for (const share of [{ start: 16, width: 1 }, { start: 0, width: 0 }, { start: 0, width: 17 }]) expect(shareFrom(share)).toEqual(WHOLE);
    expect(split({ start: 15, width: 1 })).toEqual({ stays: { start: 15, width: 1 }, goes: { start: 0, width: 1 } });
  });
});
