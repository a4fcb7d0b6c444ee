// A counsellor's second device: it gets the keys of the first, and then whoever comes by a link of the first.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox, sharedServer } from "./company.js";
import { ANA, BEN } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { until } from "./until.js";

const LONG = { timeout: 240_000 };

test("a second device in another browser reads the titles of the first and lets in who comes by its link", LONG, async (t) => {
  const server = await sharedServer();
  const first = await people.openPage(await chromium(t, ANA), server.origin);
  const second = await people.openPage(await firefox(t), server.origin);
  const ben = await people.openPage(await chromium(t, BEN), server.origin);
  const name = server.newName();
  await people.setUp(first.page, server, name);
  const link = await people.makeRoom(first.page, "Tuesday, first talk");
  await people.press(first.page, "room-back");

  const pairLink = await beginPairing(first.page);
  await look(first.page, "pair-code");
  await second.page.goto(people.withLanguage(pairLink, "en"));
  assert.equal(new URL(second.page.url()).hash, "", "the secret is gone from the address bar");
  await signIn(second.page, name);
  const codes = await Promise.all([first, second].map(({ page }) => codeOn(page)));
  assert.match(codes[0], /^\d{6}$/);
  assert.equal(codes[0], codes[1], "both show the same number");
  await look(first.page, "pair-compare");
  await look(second.page, "pair-new");
  await people.press(first.page, "pair-same");
  await is(second.page, "pair-view", "done");
  await is(first.page, "pair-dialog", "done");
  await people.press(first.page, "pair-close");
  await people.press(first.page, "account-back");

  await people.press(second.page, "pair-go");
  await people.sees(second.page, "desk-item");
  assert.match(await people.readAll(second.page), /Tuesday, first talk/);
  await people.press(second.page, "desk-open-item");
  assert.equal(await people.roomLink(second.page), link, "the link of the first device is known to the second");
  await people.openWaitingRoom(second.page);
  await people.knock(ben.page, link, "Ben", { camera: false });
  await people.admit(second.page);
  await Promise.all([people.inCall(second.page), people.inCall(ben.page)]);
  await people.write(second.page, "Good to see you.");
  await people.reads(ben.page, "Good to see you.");
  const safety = await Promise.all([second, ben].map(({ page }) => people.data(page, "safety-code", "code")));
  assert.equal(safety[0], safety[1]);

  const [, , secret] = new URL(pairLink).hash.split(".");
  for (const { witness } of [first, second]) witness.assertClean([secret]);
});

test("the code of another device works once, for nobody else, and not over keys that are in use", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const first = await people.openPage(browser, server.origin);
  const name = server.newName();
  await people.setUp(first.page, server, name);

  // Two browsers with the same code: the second one gets nothing, and a word of it calls it off.
  const pairLink = await beginPairing(first.page);
  const second = await people.openPage(browser, server.origin);
  await second.page.goto(people.withLanguage(pairLink, "en"));
  await signIn(second.page, name);
  await codeOn(second.page);
  const third = await people.openPage(browser, server.origin);
  await third.page.goto(people.withLanguage(pairLink, "en"));
  await signIn(third.page, name);
  assert.equal(await whyOver(third.page), "pair.taken");
  await people.press(first.page, "pair-differs");
  assert.equal(await whyOver(first.page), "pair.differed");
  assert.equal(await whyOver(second.page), "pair.gone");
  await people.press(first.page, "pair-close");

  // Who goes on without them has keys of their own; once a link was made with those, they stay.
  await people.press(third.page, "pair-without");
  await people.sees(third.page, "desk-view");
  await people.makeRoom(third.page);
  await people.press(first.page, "pair-add");
  const again = await pairLinkOn(first.page);
  await third.page.goto("about:blank");
  await third.page.goto(people.withLanguage(again, "en"));
  assert.equal(await whyOver(third.page), "pair.other_keys");

  // They were never used in the second browser: there the first device's take their place.
  await people.press(second.page, "pair-without");
  await people.sees(second.page, "desk-view");
  await second.page.goto("about:blank");
  await second.page.goto(people.withLanguage(again, "en"));
  assert.equal(await codeOn(second.page), await codeOn(first.page));
  await people.press(first.page, "pair-same");
  await is(second.page, "pair-view", "done");
  await people.press(first.page, "pair-close");

  // And no more from here.
  await people.pressAndConfirm(first.page, "pair-never");
  await people.sees(first.page, "pair-cannot");
  await first.page.reload();
  await people.press(first.page, "desk-account");
  await people.sees(first.page, "pair-cannot");
});

test("keys from before there were second devices go on, and cannot leave their browser", LONG, async (t) => {
  const server = await sharedServer();
  const browser = await chromium(t, ANA);
  const { page } = await people.openPage(browser, server.origin);
  await people.setUp(page, server);
  await people.makeRoom(page, "Tuesday, first talk");
  await page.evaluate(makeKeysOld);
  await page.reload();
  await people.sees(page, "desk-item");
  assert.match(await people.readAll(page), /Tuesday, first talk/);
  await people.press(page, "desk-open-item");
  await people.openWaitingRoom(page);
  await people.press(page, "room-back");
  await people.press(page, "desk-account");
  await people.sees(page, "pair-cannot");
  assert.equal(await page.$(people.byId("pair-add")), null);
});

/** In the page: leaves of the kept keys what browsers kept before there were copies. */
async function makeKeysOld() {
  const finished = (request) => new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const database = await finished(indexedDB.open("aman-vault"));
  const name = (await finished(database.transaction("keys").objectStore("keys").getAllKeys())).find((key) => !key.includes("/"));
  const { identity, identityPublic, root } = await finished(database.transaction("keys").objectStore("keys").get(name));
  const publicKey = await crypto.subtle.importKey("raw", identityPublic, "Ed25519", true, ["verify"]);
  const old = { identity: { privateKey: identity, publicKey }, identityPublic, root };
  await finished(database.transaction("keys", "readwrite").objectStore("keys").put(old, name));
  database.close();
}

async function beginPairing(page) {
  await people.press(page, "desk-account");
  await people.press(page, "pair-add");
  return pairLinkOn(page);
}

async function pairLinkOn(page) {
  await people.sees(page, "pair-link");
  return page.$eval(people.byId("pair-link"), (field) => field.value);
}

async function signIn(page, name) {
  await people.sees(page, "signin-view");
  await people.fill(page, "signin-name", name);
  await people.fill(page, "signin-password", people.PASSWORD);
  await people.press(page, "signin-submit");
}

async function codeOn(page) {
  await people.sees(page, "pair-code");
  return people.data(page, "pair-code", "code");
}

async function whyOver(page) {
  await people.sees(page, "pair-over");
  return people.data(page, "pair-over", "why");
}

function is(page, id, at) {
  return until(`${id} is at ${at}`, async () => {
    const found = await people.data(page, id, "at").catch(() => null);
    return found === at || String(found);
  });
}
