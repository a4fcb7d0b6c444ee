import { describe, expect, it } from "vitest";

import type { CounsellorCard } from "./card";
import { readCard, writeCard } from "./card";

const card: CounsellorCard = { name: "Ana Lindqvist", role: "مستشارة", agency: "Haus am Fluss", registration: "DE-1234", lang: "ar", words: "Take your time." };

describe("a card", () => {
  it("is read as it was written", () => {
    expect(readCard(writeCard(card))).toEqual(card);
  });

  it("that is something else is no card", () => {
    for (const text of ["", "null", "7", "[]", "{}", '{"v":2}', "{", '"Ana"']) expect(readCard(text), text).toBeNull();
  });

  it("has no place for what is not a short text or a language we speak", () => {
    expect(readCard('{"v":1,"name":7,"role":{},"lang":"xx","words":null}')).toEqual({ name: "", role: "", agency: "", registration: "", lang: null, words: "" });
    expect(Array.from(readCard(JSON.stringify({ v: 1, words: "😀".repeat(1000) }))?.words ?? "")).toHaveLength(280);
  });
});
