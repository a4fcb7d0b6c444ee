import { expect, it } from "vitest";

import type { KeptReceipt } from "./receipt";
import { keepReceipt, readReceipt } from "./receipt";

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
    { ...whole, statement: { ...statement, at: 18_446_744_073_709_551_615 } },
    { ...whole, statement: { ...statement, at: 8_640_000_000_001 } },
    { ...whole, statement: { ...statement, at: -1 } },
    { ...whole, statement: { ...statement, at: 0.5 } },
    { ...whole, statement: { ...statement, items: [{ name: "video", agreed: false }, { name: "video", agreed: true }] } },
    null,
    [],
  ];
  for (const one of broken) expect(readReceipt(JSON.stringify(one))).toBeNull();
  expect(readReceipt("{")).toBeNull();
  const last = { ...whole, statement: { ...statement, at: 8_640_000_000_000 } };
  expect(() => new Date((readReceipt(JSON.stringify(last))?.statement.at ?? NaN) * 1000).toISOString()).not.toThrow();
});

function kept(participant: string, id: string, kind: "agreed" | "withdrawn" = "agreed", at = 1): KeptReceipt {
  const receipt = { statement: { ...statement, id, kind, at }, attendee: signed, counsellor: signed };
  return { participant, name: "", json: JSON.stringify(receipt), receipt };
}

it("nobody's receipt takes the place of somebody else's", () => {
  const theirs = kept("7", "AQ");
  const copied = keepReceipt([theirs], kept("8", "AQ"));
  expect(copied).toEqual([theirs, kept("8", "AQ")]);
  expect(keepReceipt(copied, kept("7", "AQ", "agreed", 2))).toEqual([kept("8", "AQ"), kept("7", "AQ", "agreed", 2)]);
  expect(keepReceipt([theirs], kept("7", "AQ", "withdrawn"))).toHaveLength(2);
});

it("many receipts of one participant push out their own alone", () => {
  let all = [kept("7", "AQ")];
  for (let n = 0; n < 200; n += 1) all = keepReceipt(all, kept("8", `B${n}`));
  expect(all[0]).toEqual(kept("7", "AQ"));
  expect(all).toHaveLength(17);
  expect(all.at(-1)).toEqual(kept("8", "B199"));
});
