// One more person in a session, by a link of their own: an interpreter, a relative.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

// Only the counsellor knows those who came by name.
const SOMEBODY = "Another person";

test("a companion comes by a further link, is let in during the call, and is seen and read by both", { timeout: 240_000 }, async (t) => {
  const server = await sharedServer();
  const [anas, bens] = await Promise.all([chromium(t, ANA), chromium(t, BEN)]);
  const [ana, ben] = [await people.openPage(anas, server.origin), await people.openPage(bens, server.origin)];
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);

  await people.press(ana.page, "more-open");
  await people.press(ana.page, "more-companion");
  await people.press(ana.page, "companion-make");
  await people.sees(ana.page, "companion-link");
  const second = await ana.page.$eval(people.byId("companion-link"), (field) => field.value);
  assert.notEqual(second, link);
  await ana.page.keyboard.press("Escape");

  const ida = await people.openPage(bens, server.origin);
  await people.knock(ida.page, second, "Ida");
  await people.sees(ana.page, "waiting-item");
  assert.equal(await people.read(ana.page, "waiting-name"), "Ida");
  assert.equal(await ida.page.$(people.byId("call-view")), null, "the link alone leads to the waiting room");
  await people.press(ana.page, "admit");
  for (const { page } of [ana, ben, ida]) await people.sees(page, "call-view");
  for (const [{ page }, others] of [[ana, ["Ben", "Ida"]], [ben, ["Ana Counsellor", SOMEBODY]], [ida, ["Ana Counsellor", SOMEBODY]]]) {
    await until(`all three are in the group`, async () => (await people.data(page, "keys-word", "members")) === "3");
    await until(`${others.join()} on the page`, async () => {
      const names = await page.$$eval(people.byId("tile-name"), (tiles) => tiles.map(({ textContent }) => textContent).join());
      return others.every((name) => names.includes(name)) || names;
    });
  }
  for (const { page } of [ana, ben, ida]) {
    await until("two pictures of others are drawn", async () => {
      const states = await page.$$eval(people.byId("tile-remote"), (tiles) => tiles.map((tile) => tile.dataset.state).join());
      return states === "picture,picture" || states;
    });
  }
  await people.write(ida.page, "I translate for you both.");
  for (const { page } of [ana, ben]) await people.reads(page, "I translate for you both.");
  await look(ben.page, "companion", ["en"]);

  await people.pressAndConfirm(ida.page, "leave");
  for (const { page } of [ana, ben]) {
    await until("two are left", async () => (await people.data(page, "keys-word", "members")) === "2");
  }
  await people.write(ben.page, "She was a great help.");
  await people.reads(ana.page, "She was a great help.");
});
