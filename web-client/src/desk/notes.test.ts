import { expect, it } from "vitest";

import { Drawer } from "./drawer";
import { NOTE_TEXT_MAX, notePad } from "./notes";
import { memoryShelf } from "./shelf";

it("a note is kept for its room, and goes when it is wiped or emptied", async () => {
  const drawer = new Drawer(memoryShelf(), "ana");
  const [one, other] = [notePad(drawer, "r1"), notePad(drawer, "r2")];
  await one.write("asks about housing");
  await other.write("x".repeat(NOTE_TEXT_MAX + 5));

  expect(await one.read()).toBe("asks about housing");
  expect(await other.read()).toHaveLength(NOTE_TEXT_MAX);

  await one.wipe();
  await other.write("");
  expect([await one.read(), await drawer.places("note/")]).toEqual(["", []]);
});
