import { expect, test } from "vitest";

import { writeCard } from "../../room/card";
import type { CardVault } from "./invitation";
import { fetchInvitation, NO_INVITATION } from "./invitation";

const CARD = { name: "Ana Lindqvist", role: "Counsellor", agency: "", registration: "", lang: "ar" as const, words: "" };

/** A vault that opens what was sealed for its link, which here is everything that begins with "sealed:". */
function vault(): CardVault {
  const ask = (question: { type: string; sealed?: string }): Promise<unknown> => {
    if (question.type === "link_rights") return Promise.resolve({ invite: "INV", server_auth: "AUTH" });
    const text = question.sealed ?? "";
    return Promise.resolve(text.startsWith("sealed:") ? text.slice(7) : null);
  };
  return { ask: ask as CardVault["ask"] };
}

test("whoever holds the link learns whom they will meet, and when", async () => {
  const asked: unknown[] = [];
  const found = await fetchInvitation(vault(), (path, body) => {
    asked.push([path, body]);
    return Promise.resolve({ sealed_card: `sealed:${writeCard(CARD)}`, starts_at: 1_800_000_000, minutes: 50, kind: "audio", state: "opened" });
  });
  expect(asked).toEqual([["invites/INV/card", { server_auth: "AUTH" }]]);
  expect(found).toEqual({ card: CARD, planned: { starts_at: 1_800_000_000, minutes: 50 }, kind: "audio" });
});

test("a card that was not sealed for this link is not shown, and the date is", async () => {
  const found = await fetchInvitation(vault(), () => Promise.resolve({ sealed_card: "forged", starts_at: 1_800_000_000, minutes: null, kind: "video" }));
  expect(found).toEqual({ card: null, planned: { starts_at: 1_800_000_000, minutes: 0 }, kind: "video" });
});

test("the page opens whatever the server answers", async () => {
  for (const answer of [null, 7, "x", {}, { starts_at: "soon", kind: "opera", sealed_card: 9 }, { starts_at: -1 }]) {
    expect(await fetchInvitation(vault(), () => Promise.resolve(answer))).toEqual(NO_INVITATION);
  }
  expect(await fetchInvitation(vault(), () => Promise.reject(new Error("offline")))).toEqual(NO_INVITATION);
});
