import { describe, expect, it } from "vitest";

import { ar } from "../i18n/ar";
import type { Key } from "../i18n/en";
import { en } from "../i18n/en";
import type { Lang, Message } from "../i18n/format";
import { format } from "../i18n/format";
import { zh } from "../i18n/zh";
import { momentWords, reminderText } from "./outgoing";

const CATALOGUES: Record<Lang, Record<Key, Message>> = { en, ar, zh };
const link = `https://aman.example/j#1.${"a".repeat(43)}.${"b".repeat(22)}`;
const start = Math.floor(new Date(2026, 10, 24, 15, 0).getTime() / 1000);
const reminder = (lang: Lang, at: number | null): string => reminderText((key, params) => format(lang, CATALOGUES[lang][key], params ?? {}), lang, at, link);

describe("a reminder", () => {
  it.each([
    ["en", /Tuesday.*24 November.*15:00/],
    ["ar", /الثلاثاء.*24 نوفمبر/],
    ["zh", /11月24日.*15:00/],
  ] as const)("in %s says when, in that language, and the link alone on its line", (lang, when) => {
    const text = reminder(lang, start);
    expect(text).toMatch(when);
    expect(text.split("\n").at(-1)).toBe(link);
    expect(momentWords(lang, start)).toMatch(/GMT|UTC|غرينتش|[A-Z]{3,4}|世界/);
  });

  it("without a date has the link all the same", () => {
    for (const lang of ["en", "ar", "zh"] as const) expect(reminder(lang, null)).toContain(link);
  });

  it("says nothing of what it is for, and has no invisible marks", () => {
    const secret = /therap|counsel|psych|session|clinic|treat|help|violence|علاج|نفس|مشور|استشار|جلس|عياد|عنف|咨询|治疗|心理|会谈|诊/i;
    for (const lang of ["en", "ar", "zh"] as const) {
      for (const text of [reminder(lang, start), reminder(lang, null), ...(["out.title", "out.poster", "out.alone"] as const).map((key) => format(lang, CATALOGUES[lang][key], {}))]) {
        expect(text).not.toMatch(secret);
        expect(text).not.toMatch(/[\u2066-\u2069\u200e\u200f]/);
      }
    }
  });
});
