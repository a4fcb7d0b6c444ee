import { expect, it } from "vitest";

import { readReceipt } from "./receipt";

const statement = { kind: "agreed", id: "AQ", at: 1, version: "2026-11", language: "ar", items: [{ name: "recording", agreed: false }] };
const signed = { key: "AQ", signature: "Ag" };

it("a receipt is read as the core wrote it", () => {
  const receipt = { statement, attendee: signed, counsellor: signed };
  expect(readReceipt(JSON.stringify(receipt))).toEqual(receipt);
});

it("what has a part missing or changed in kind is none", () => {
  const whole = { statement, attendee: signed, counsellor: signed };
  const broken = [
    { ...whole, counsellor: null },
    { ...whole, attendee: { key: "AQ" } },
    { ...whole, statement: { ...statement, kind: "perhaps" } },
    { ...whole, statement: { ...statement, items: [{ name: "recording" }] } },
    { ...whole, statement: { ...statement, at: "now" } },
    null,
    [],
  ];
  for (const one of broken) expect(readReceipt(JSON.stringify(one))).toBeNull();
  expect(readReceipt("{")).toBeNull();
});
