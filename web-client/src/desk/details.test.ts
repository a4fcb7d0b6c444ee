import { describe, expect, it } from "vitest";

import type { Details } from "./details";
import { detailsFit, readDetails, writeDetails } from "./details";

const whole: Details = { title: "Tuesday, first talk", lang: "ar", note: "bring the form", series: { id: "k3", n: 2, of: 4 } };

describe("the details of an appointment", () => {
  it("are read as they were written", () => {
    const bare: Details = { title: "سمر", lang: null, note: "", series: null };
    expect(readDetails(writeDetails(whole))).toEqual(whole);
    expect(readDetails(writeDetails(bare))).toEqual(bare);
  });

  it("of an older room are its plain title", () => {
    for (const title of ["Tuesday", "", "{", "{}", '{"v":2,"title":"x"}', "[1]"]) {
      expect(readDetails(title)).toEqual({ title, lang: null, note: "", series: null });
    }
  });

  it("have no place for a language or a series that cannot be", () => {
    const odd = readDetails('{"v":1,"title":"a","lang":"xx","note":7,"repeat":{"id":"k","n":0,"of":99}}');
    expect(odd).toEqual({ title: "a", lang: null, note: "", series: null });
  });

  it("fit as long as the vault can seal them, in bytes and not in letters", () => {
    const said = (title: string, note: string): boolean => detailsFit({ ...whole, title, note });
    expect(said("预".repeat(60), "约".repeat(60))).toBe(true);
    expect(said("预".repeat(60), "约".repeat(100))).toBe(false);
  });
});
