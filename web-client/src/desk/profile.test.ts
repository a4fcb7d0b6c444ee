import { expect, it } from "vitest";

import { Drawer } from "./drawer";
import { keepPreset, keepProfile, readPreset, readProfile } from "./profile";
import { memoryShelf } from "./shelf";

it("the card begins with the account's name and is kept as it was changed", async () => {
  const drawer = new Drawer(memoryShelf(), "ana");
  const first = { name: "ana", role: "", agency: "Haus am Fluss", registration: "", words: "" };
  expect(await readProfile(drawer, first)).toEqual(first);

  const card = { name: "Ana Lindqvist", role: "Counsellor", agency: "Haus am Fluss", registration: "D-17", words: "Take your time." };
  await keepProfile(drawer, card);
  expect(await readProfile(drawer, first)).toEqual(card);
  await keepProfile(drawer, { ...card, name: "", agency: "" });
  expect(await readProfile(drawer, first)).toEqual({ ...card, name: "ana", agency: "" });
});

it("the message for those who wait is kept until it is emptied", async () => {
  const drawer = new Drawer(memoryShelf(), "ana");
  await keepPreset(drawer, "I am with you in a minute.");
  expect(await readPreset(drawer)).toBe("I am with you in a minute.");
  await keepPreset(drawer, "");
  expect(await readPreset(drawer)).toBe("");
});
