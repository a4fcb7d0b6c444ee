// The agency's own sign-in, with a real provider: in by invitation only, out when shut out, and
// no answer counts twice or anywhere else.
import assert from "node:assert/strict";
import { test } from "node:test";

import { chromium, firefox } from "./company.js";
import { ANA } from "./fake_media.js";
import * as people from "./people.js";
import { look } from "./pictures.js";
import { Agency } from "./provider.js";
import { Server } from "./server.js";
import { until } from "./until.js";

const LONG = { timeout: 180_000 };

test("somebody invited takes the link up with the agency's sign-in, and comes back by it until she is shut out", LONG, async (t) => {
  const { agency, server } = await set(t);
  const page = await open(await chromium(t, ANA), server, agency);
  await takeUp(page, server);
  assert.equal(page.url(), `${server.origin}/desk`, "nothing of the answer is in the address bar");
  await people.press(page, "desk-account");
  await people.sees(page, "provider");
  assert.equal(await people.data(page, "provider", "on"), "true");
  assert.equal(await page.$(people.byId("password-current")), null, "there is no password to change");
  await people.press(page, "account-back");

  await people.press(page, "sign-out");
  await people.press(page, "signin-provider");
  await signIn(page, "sun.li");
  await people.sees(page, "desk-view");
  assert.match(server.operate("user", "list"), /^Sun Li {2}\(counsellor, provider, since/m);

  server.operate("user", "disable", "Sun Li");
  await page.reload();
  await people.press(page, "signin-provider");
  await signIn(page, "sun.li");
  await refused(page, /does not lead to an account here/);
});

test("nobody comes in whom only the agency knows, and a no there changes nothing", LONG, async (t) => {
  const { agency, server } = await set(t);
  const page = await open(await chromium(t, ANA), server, agency);
  await page.goto(people.withLanguage(`${server.origin}/`, "en"));
  await people.press(page, "signin-provider");
  await signIn(page, "mallory");
  await refused(page, /does not lead to an account here/);
  await look(page, "sign-in-provider");

  await people.press(page, "signin-provider");
  await signIn(page, "mallory", "out");
  await refused(page, /was not finished/);
});

test("an answer counts once, in its time, and in the browser that asked", LONG, async (t) => {
  const { agency, server } = await set(t);
  const browser = await chromium(t, ANA);
  const page = await open(browser, server, agency);
  await takeUp(page, server);
  await people.press(page, "sign-out");

  const answers = answersOf(page, server);
  await people.press(page, "signin-provider");
  await signIn(page, "sun.li");
  await people.sees(page, "desk-view");
  const [answer] = answers;
  assert.match(answer, /^http\S+\/desk#\S*code=/, "the answer is in the fragment");
  await people.press(page, "sign-out");
  await people.sees(page, "signin-view");
  for (const [what, address] of [
    ["the same again", answer],
    ["another state", answer.replace(/state=[^&]+/, "state=wrong")],
  ]) {
    await visit(page, address);
    await refused(page, /took too long/, what);
  }

  const other = await open(browser, server, agency);
  await other.goto(people.withLanguage(`${server.origin}/`, "en"));
  const stolen = answersOf(other, server);
  await other.setRequestInterception(true);
  other.on("request", (request) => void (request.url().startsWith(`${server.origin}/desk`) ? request.abort() : request.continue()));
  await people.press(other, "signin-provider");
  await signIn(other, "sun.li");
  await until("the answer is on its way", () => stolen.length > 0);
  await visit(page, stolen[0]);
  await refused(page, /took too long/, "in another browser than the one that asked");
});

test("in Firefox, too", LONG, async (t) => {
  const { agency, server } = await set(t);
  const page = await open(await firefox(t), server, agency);
  await takeUp(page, server);
  await people.press(page, "sign-out");
  await people.press(page, "signin-provider");
  await signIn(page, "sun.li");
  await people.sees(page, "desk-view");
});

/** A server that somebody set up, and the agency that it trusts. */
async function set(t) {
  const agency = await Agency.start(t);
  const server = await Server.start(t, { env: agency.env });
  agency.register(server);
  const { page } = await people.openPage(await chromium(t, ANA), server.origin);
  await people.setUp(page, server);
  return { agency, server };
}

async function open(browser, server, agency) {
  const { page, witness } = await people.openPage(browser, server.origin);
  witness.allow(agency.issuer);
  return page;
}

/** From the operator's link to the desk. */
async function takeUp(page, server) {
  const [link] = /^http\S+/.exec(server.operate("user", "invite"));
  await page.goto(people.withLanguage(link, "en"));
  await people.fill(page, "setup-name", "Sun Li");
  await people.press(page, "setup-provider");
  await signIn(page, "sun.li");
  await people.sees(page, "desk-view");
}

/** At the agency's form. */
async function signIn(page, name, then = "in") {
  const field = await page.waitForSelector("input[name=login]");
  await field.type(name);
  await page.$eval(`button[value=${then}]`, (button) => button.click());
}

async function refused(page, words, what) {
  await people.sees(page, "signin-view");
  await people.sees(page, "signin-error");
  assert.match(await people.read(page, "signin-error"), words, what);
  assert.equal(new URL(page.url()).hash, "");
}

/** A page anew, even if only what follows # is another. */
async function visit(page, address) {
  await page.goto("about:blank");
  await page.goto(address);
}

/** The addresses that the provider sends this page back to, as they come. */
function answersOf(page, server) {
  const addresses = [];
  page.on("response", (response) => {
    const { location } = response.headers();
    if (location?.startsWith(`${server.origin}/desk`)) addresses.push(location);
  });
  return addresses;
}
