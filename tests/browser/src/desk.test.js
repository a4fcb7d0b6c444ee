// The counsellor's desk: appointments in series, what those who wait read and write before they
// are let in, two tabs of one desk, and what stays on her device afterwards.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import { printed } from "./paper.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

test("a series in the attendee's language, shared without a word of what it is", LONG, async (t) => {
  const server = await sharedServer();
  const { page } = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(page, server);
  await people.press(page, "desk-new");
  await people.fill(page, "desk-title", "Samar, second talk");
  await page.select(people.byId("form-lang"), "ar");
  await page.select(people.byId("form-weeks"), "2");
  await people.press(page, "form-kind-audio");
  await people.press(page, "desk-create");
  const link = await people.roomLink(page);
  assert.match(await people.readAll(page), /1 of 2/);

  await people.press(page, "share-more");
  const reminder = await until("the reminder is written", async () => {
    const text = await page.$eval(people.byId("share-reminder"), (field) => field.value);
    return text.includes(link) && { text };
  });
  assert.match(reminder.text, /[\u0600-\u06ff]/, "in Arabic");
  assert.doesNotMatch(reminder.text, /Samar|Ana/, "without a name");
  await people.press(page, "share-poster");
  await people.sees(page, "poster-sheet");
  const paper = await printed(page);
  assert.match(paper.words, /[\u0600-\u06ff]/, "the sheet is in Arabic");
  assert.doesNotMatch(paper.words, /Samar|Ana|[a-z]{4}/i, "and nothing else is on it");
  assert.equal(paper.sheets, 1);
  await look(page, "desk-poster", ["en"]);
  await page.keyboard.press("Escape");

  const first = await people.data(page, "room-view", "room");
  await people.press(page, "room-next");
  await until("the next room is shown", async () => (await people.data(page, "room-view", "room")) !== first);
  assert.notEqual(await people.roomLink(page), link);
  await people.press(page, "room-change");
  await people.fill(page, "desk-title", "Samar, moved");
  await page.select(people.byId("form-minutes"), "30");
  await people.press(page, "room-save");
  await until("the change is shown", async () => (await people.readAll(page)).includes("Samar, moved"));
  await people.pressAndConfirm(page, "room-end");
  await people.sees(page, "desk-view");
  await until("one of the two is left", async () => (await page.$$(people.byId("desk-item"))).length === 1);
  await look(page, "desk-list");
});

test("who waits reads whom they will meet, and both write before the door is opened", LONG, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await people.setUp(ana.page, server);
  await people.press(ana.page, "desk-profile");
  await people.fill(ana.page, "profile-name", "Ana Lindqvist");
  await people.fill(ana.page, "profile-role", "Counsellor");
  await people.press(ana.page, "profile-save");
  await until("the card is kept", async () => (await people.read(ana.page, "profile-word")) !== "");
  await people.press(ana.page, "profile-back");

  const link = await people.makeRoom(ana.page);
  await people.openWaitingRoom(ana.page);
  await people.press(ana.page, "preset-open");
  await people.fill(ana.page, "preset", "I am with you in a minute.");
  await ana.page.$eval(people.byId("preset"), (field) => field.dispatchEvent(new Event("change", { bubbles: true })));

  await people.knock(ben.page, link, "Ben");
  await until("Ben reads whom he will meet", async () => (await people.readAll(ben.page)).includes("Ana Lindqvist"));
  await until("Ben reads the first words", async () => (await people.readAll(ben.page)).includes("I am with you in a minute."));
  await until("the desk says that he waits", async () => (await people.data(ana.page, "invite-state", "state")) === "waiting");

  await people.press(ana.page, "ask-to-wait");
  await ben.page.waitForSelector(`${people.byId("doorstep-note")}[data-kind=wait]`);
  assert.ok(await ana.page.$eval(people.byId("ask-to-wait"), ({ disabled }) => disabled), "once is enough");
  await people.press(ana.page, "doorstep-open");
  await people.fill(ana.page, "doorstep-input", "Have you got the form?");
  await people.press(ana.page, "doorstep-send");
  await until("Ben reads it", async () => (await people.readAll(ben.page)).includes("Have you got the form?"));
  await people.fill(ben.page, "doorstep-text", "Yes, here it is.");
  await people.press(ben.page, "doorstep-send");
  await until("Ana reads the answer", async () => (await people.readAll(ana.page)).includes("Yes, here it is."));
  await look(ana.page, "desk-waiting");

  // Another tab takes the room: the newest has it, and the older one says so.
  const second = await ana.page.browserContext().newPage();
  await second.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.press(second, "desk-open-item");
  await people.openWaitingRoom(second);
  await people.sees(ana.page, "room-elsewhere");
  await people.press(ana.page, "room-open");
  await people.sees(ana.page, "room-connected");
  await people.sees(second, "room-elsewhere");
  await second.close();

  await people.press(ana.page, "decline-words");
  await people.fill(ana.page, "parting", "Something came up. I write to you tonight.");
  await people.press(ana.page, "not-today");
  assert.equal(await people.ended(ben.page), "declined");
  await until("Ben reads why", async () => (await people.readAll(ben.page)).includes("I write to you tonight."));
});

test("the record of a call stays on the device, also over a reload, until it is wiped", LONG, async (t) => {
  const server = await sharedServer();
  const [ana, ben] = await Promise.all([
    chromium(t, ANA).then((browser) => people.openPage(browser, server.origin)),
    chromium(t, BEN).then((browser) => people.openPage(browser, server.origin)),
  ]);
  await people.setUp(ana.page, server);
  const link = await people.makeRoom(ana.page, "Tuesday");
  await people.openWaitingRoom(ana.page);
  await people.knock(ben.page, link, "Ben");
  await people.admit(ana.page);
  await Promise.all([people.inCall(ana.page), people.inCall(ben.page)]);
  await people.press(ana.page, "more-notes");
  await people.fill(ana.page, "note-pad", "asks about housing");
  await until("the note is kept", async () => (await people.read(ana.page, "note-word")) !== "");
  await people.pressAndConfirm(ana.page, "end-for-both");
  await people.press(ana.page, "ended-desk");
  await people.sees(ana.page, "after-view");
  await people.press(ana.page, "after-stage-plan");
  await people.fill(ana.page, "after-task", "send the address");
  await people.press(ana.page, "after-week");
  await people.press(ana.page, "after-save");
  assert.notEqual(await people.roomLink(ana.page), link, "the next appointment has its own link");

  await ana.page.reload();
  await people.sees(ana.page, "desk-view");
  await people.press(ana.page, "desk-records");
  await people.sees(ana.page, "record");
  assert.match(await people.readAll(ana.page), /Tuesday[\s\S]*Plan[\s\S]*send the address/);
  await look(ana.page, "desk-records");
  const stored = await ana.page.evaluate(everythingKept);
  assert.doesNotMatch(stored, /housing|address|Tuesday/, "nothing is kept in the clear");
  await people.pressAndConfirm(ana.page, "records-wipe-all");
  await until("the record is gone", async () => (await ana.page.$(people.byId("record"))) === null);
  assert.doesNotMatch(await ana.page.evaluate(everythingKept), /sealed\//);
});

/** In the page: every name and value of its storage, as text. */
async function everythingKept() {
  const found = [JSON.stringify(localStorage), JSON.stringify(sessionStorage)];
  for (const { name } of await indexedDB.databases()) {
    if (name !== "aman-desk") continue;
    const database = await new Promise((resolve) => {
      const opening = indexedDB.open(name);
      opening.onsuccess = () => resolve(opening.result);
    });
    const store = database.transaction("things").objectStore("things");
    const all = (request) => new Promise((resolve) => (request.onsuccess = () => resolve(request.result)));
    const [keys, values] = await Promise.all([all(store.getAllKeys()), all(store.getAll())]);
    found.push(...keys.map(String));
    for (const { bytes } of values) if (bytes !== undefined) found.push(new TextDecoder().decode(bytes));
    database.close();
  }
  return found.join("\n");
}
