import { expect, test } from "vitest";

import { addressOf, linesFor, NO_OPERATOR, operatorOf } from "./operator";

const LINE = { name: "Night line", contact: "+41 44 000 00 00", hours: "" };

test("whatever the server answers, the page opens", () => {
  for (const answer of [null, undefined, 7, "x", [], { crisis: 3 }, { crisis: { en: [null, 1, { name: "x" }] } }]) {
    expect(operatorOf(answer).sensitive).toBe(false);
    expect(linesFor(operatorOf(answer), "en")).toEqual([]);
  }
  expect(operatorOf({ needs_setup: false })).toEqual(NO_OPERATOR);
});

test("crisis lines come in the language of the page, and in another one rather than not at all", () => {
  const operator = operatorOf({ crisis: { ar: [{ ...LINE, name: "خط الليل" }], en: [LINE] } });
  expect(linesFor(operator, "ar").map(({ name }) => name)).toEqual(["خط الليل"]);
  expect(linesFor(operator, "zh")).toEqual([LINE]);
  expect(linesFor(operatorOf({ crisis: { ar: [LINE] } }), "en")).toEqual([LINE]);
});

test("a number can be called, a page opened, and nothing else is a link", () => {
  expect(addressOf("+41 44 000-00-00")).toBe("tel:+41440000000");
  expect(addressOf("143")).toBe("tel:143");
  expect(addressOf("https://help.example/chat")).toBe("https://help.example/chat");
  expect(addressOf("help.example")).toBe("https://help.example");
  expect(addressOf("javascript:alert(1)")).toBeNull();
  expect(addressOf("ask at the desk")).toBeNull();
});
