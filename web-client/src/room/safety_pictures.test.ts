import { describe, expect, it } from "vitest";

import { ar } from "../i18n/ar";
import { en } from "../i18n/en";
import { zh } from "../i18n/zh";
import { N_PICTURES, PICTURES, picturesOf } from "./safety_pictures";

const wordsOf = (code: string): string[] | undefined => picturesOf(code.split(" "))?.map(({ word }) => word);

describe("the pictures of a safety code", () => {
  it("are ten of sixty-four different things with different words in every language", () => {
    expect(PICTURES.length).toBe(64);
    expect(new Set(PICTURES.map(({ path }) => path)).size).toBe(64);
    for (const catalogue of [en, ar, zh]) expect(new Set(PICTURES.map(({ word }) => catalogue[word])).size).toBe(64);
    expect(picturesOf(["48213", "90571", "22840", "16399"])?.length).toBe(N_PICTURES);
  });

  it("are fixed for each code, so that two versions of the page agree", () => {
    expect(wordsOf("00000 00000 00000 00000")).toEqual(Array.from({ length: 10 }, () => "pic.sun"));
    expect(wordsOf("00000 00000 00000 00065")?.slice(-2)).toEqual(["pic.moon", "pic.moon"]);
    // 48213905712284016399 in base 64, from the tenth place down.
    const code = 48213905712284016399n;
    const expected = Array.from({ length: 10 }, (_, place) => PICTURES[Number((code >> BigInt(6 * (9 - place))) & 63n)]?.word);
    expect(wordsOf("48213 90571 22840 16399")).toEqual(expected);
  });

  it("differ when the codes differ below 2^60", () => {
    const seen = new Set<string>();
    for (let n = 0; n < 4096; n += 1) seen.add(String(wordsOf(`00000 00000 0${String(n * 4099).padStart(9, "0").replace(/(\d{4})(\d{5})/, "$1 $2")}`)));
    expect(seen.size).toBe(4096);
  });

  it("are none for what is no code", () => {
    for (const code of [[], ["1"], ["1234a", "12345", "12345", "12345"], ["123456", "12345", "12345", "12345"]]) expect(picturesOf(code)).toBeNull();
  });
});
