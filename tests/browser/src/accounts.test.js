// The way into an account: an invitation, the second step, a passkey, and out everywhere.
import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { test } from "node:test";

import { chromium } from "./company.js";
import { ANA } from "./fake_media.js";
import { printed } from "./paper.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 180_000 };

test("somebody invited sets up an app with codes, and signs in with them", LONG, async (t) => {
  const server = await Server.start(t);
  const browser = await chromium(t, ANA);
  const ana = await people.openPage(browser, server.origin);
  await people.setUp(ana.page, server);
  const link = linkIn(server.operate("user", "invite"));

  const { page } = await people.openPage(browser, server.origin);
  await accept(page, link, "Sun Li");
  assert.equal(new URL(page.url()).hash, "", "the token is gone from the address bar");
  await people.sees(page, "account-view");
  assert.equal(await page.$(people.byId("account-back")), null, "nothing else is open yet");
  await look(page, "account-first");

  await people.press(page, "totp-begin");
  await people.sees(page, "totp-secret");
  const phone = phoneWith(await people.read(page, "totp-secret"));
  await people.fill(page, "totp-code", "000000");
  await people.press(page, "totp-confirm");
  await people.sees(page, "account-error");
  await people.fill(page, "totp-code", phone(0));
  await people.press(page, "totp-confirm");
  const codes = await recoveryCodes(page);
  assert.equal(codes.length, 10);
  const paper = await printed(page);
  for (const code of codes) assert.ok(paper.words.includes(code), "every code is on paper");
  assert.equal(paper.words.split("\n").filter((line) => line.trim() !== "").length, 13, `heading, what they are for, codes, where: ${paper.words}`);
  assert.equal(paper.sheets, 1);
  await people.press(page, "codes-kept");
  await people.sees(page, "desk-view");
  await people.press(page, "sign-out");

  await signIn(page, "Sun Li", phone(1));
  await people.sees(page, "desk-view");
  await people.press(page, "sign-out");
  await signIn(page, "Sun Li", phone(1));
  await people.sees(page, "signin-error");
  await look(page, "sign-in-second");
  await people.fill(page, "signin-code", codes[0].toLowerCase());
  await people.press(page, "signin-submit");
  await people.sees(page, "desk-view");
  await people.press(page, "sign-out");
  await signIn(page, "Sun Li", codes[0]);
  await people.sees(page, "signin-error");

  const again = await people.openPage(browser, server.origin);
  await again.page.goto(people.withLanguage(link, "en"));
  await people.sees(again.page, "setup-error");
});

test("a passkey is enough to sign in, and sign-out everywhere ends what is open elsewhere", LONG, async (t) => {
  const server = await Server.start(t);
  const browser = await chromium(t, ANA);
  const { page } = await people.openPage(browser, server.origin);
  const device = await authenticator(page);
  await people.setUp(page, server);
  await people.press(page, "desk-account");
  await people.sees(page, "account-view");
  await people.press(page, "passkey-add");
  assert.equal((await recoveryCodes(page)).length, 10);
  await people.press(page, "codes-kept");
  await people.sees(page, "passkey");
  await look(page, "account");
  await people.press(page, "account-back");
  await people.press(page, "sign-out");

  await people.sees(page, "signin-view");
  await people.press(page, "signin-passkey");
  await people.sees(page, "desk-view");
  assert.equal((await device.credentials()).length, 1);

  const elsewhere = await people.openPage(browser, server.origin);
  await elsewhere.page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await signIn(elsewhere.page, "Ana Counsellor");
  await until("the second step is asked for", async () => (await people.data(elsewhere.page, "signin-view", "step")) === "second");

  await people.makeRoom(page);
  await people.openWaitingRoom(page);
  const other = await people.openPage(browser, server.origin);
  await authenticator(other.page, await device.credentials());
  await other.page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.sees(other.page, "signin-view");
  await people.press(other.page, "signin-passkey");
  await people.sees(other.page, "desk-view");
  await people.press(other.page, "desk-account");
  await people.pressAndConfirm(other.page, "sign-out-everywhere");
  await people.sees(other.page, "signin-view");
  await until("the waiting room is closed", async () => (await page.$(people.byId("room-connected"))) === null);
});

test("whoever is shut out is out at once, and a new link leads back", LONG, async (t) => {
  const server = await Server.start(t);
  const browser = await chromium(t, ANA);
  const { page } = await people.openPage(browser, server.origin);
  await people.setUp(page, server);
  assert.match(server.operate("user", "list"), /^Ana Counsellor {2}\(admin, password only/);

  server.operate("user", "disable", "Ana Counsellor");
  await page.reload();
  await people.sees(page, "signin-view");
  await signIn(page, "Ana Counsellor");
  await people.sees(page, "signin-error");

  server.operate("user", "enable", "Ana Counsellor");
  const link = linkIn(server.operate("user", "reset", "Ana Counsellor"));
  await page.goto("about:blank");
  await page.goto(people.withLanguage(link, "en"));
  await people.sees(page, "setup-password");
  assert.equal(await page.$(people.byId("setup-name")), null, "the name stays");
  await look(page, "setup-back");
  await people.fill(page, "setup-password", "another long password");
  await people.press(page, "setup-submit");
  await people.sees(page, "desk-view");
});

function linkIn(said) {
  return /^(http\S+\/setup#i\.\S+)/.exec(said)[1];
}

async function accept(page, link, name) {
  await page.goto(people.withLanguage(link, "en"));
  await people.fill(page, "setup-name", name);
  await people.fill(page, "setup-password", people.PASSWORD);
  await people.press(page, "setup-submit");
}

async function signIn(page, name, code) {
  await people.sees(page, "signin-view");
  await people.fill(page, "signin-name", name);
  await people.fill(page, "signin-password", people.PASSWORD);
  await people.press(page, "signin-submit");
  if (code === undefined) return;
  await people.fill(page, "signin-code", code);
  await people.press(page, "signin-submit");
}

async function recoveryCodes(page) {
  await people.sees(page, "codes");
  return (await page.$eval(people.byId("codes-text"), (field) => field.value)).split("\n");
}

/** An app: the code of the step in which it was set up, or of one after it (RFC 6238). */
function phoneWith(secret) {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replaceAll(" ", "")].map((letter) => letters.indexOf(letter).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)));
  const first = Math.floor(Date.now() / 30_000);
  return (later) => {
    const step = Buffer.alloc(8);
    step.writeBigUInt64BE(BigInt(first + later));
    const tag = createHmac("sha1", key).update(step).digest();
    const number = tag.readUInt32BE(tag.at(-1) & 0xf) & 0x7fffffff;
    return String(number % 1_000_000).padStart(6, "0");
  };
}

/** A device with passkeys, as Chromium makes one up; with those of another if they are given. */
async function authenticator(page, credentials = []) {
  const session = await page.createCDPSession();
  await session.send("WebAuthn.enable");
  const { authenticatorId } = await session.send("WebAuthn.addVirtualAuthenticator", {
    options: { protocol: "ctap2", transport: "internal", hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
  });
  for (const credential of credentials) await session.send("WebAuthn.addCredential", { authenticatorId, credential: { ...credential, signCount: credential.signCount + 10 } });
  return { credentials: async () => (await session.send("WebAuthn.getCredentials", { authenticatorId })).credentials };
}
