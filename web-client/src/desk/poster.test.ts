import { describe, expect, it } from "vitest";

import { layPoster, POSTER, wrap } from "./poster";

const wide = (text: string, size: number): number => text.length * size * 0.6;
const texts = { title: "Appointment", when: "Tuesday 24 November, 15:00", instruction: "Point the camera of your telephone at this picture. It opens a page.", alone: "It is for one person." };

describe("a poster", () => {
  it("has everything on the sheet, one below the other", () => {
    for (const title of ["Appointment", "预".repeat(200), "word ".repeat(60)]) {
      const { lines, code } = layPoster({ ...texts, title }, wide);
      const above = lines.filter(({ y }) => y <= code.y);
      const below = lines.filter(({ y }) => y > code.y);
      expect(above.length).toBeGreaterThan(1);
      expect(Math.min(...below.map(({ y, size }) => y - size))).toBeGreaterThanOrEqual(code.y + code.side);
      expect(Math.max(...lines.map(({ y }) => y))).toBeLessThan(POSTER.height - 20);
      for (const { text, size } of lines) expect(wide(text, size)).toBeLessThanOrEqual(POSTER.width);
    }
  });

  it("without a date has no empty line", () => {
    expect(layPoster({ ...texts, when: "" }, wide).lines.map(({ text }) => text)).not.toContain("");
  });
});

describe("lines", () => {
  const fits = (piece: string): boolean => piece.length <= 10;

  it.each([
    ["one two three four", ["one two", "three four"]],
    ["预约时间二〇二六年十一月", ["预约时间二〇二六年十", "一月"]],
    ["a verylongwordindeed b", ["a", "verylongwo", "rdindeed b"]],
    ["  ", []],
  ])("of %j are broken where they may", (text, lines) => {
    expect(wrap(text, fits)).toEqual(lines);
  });
});
