// What people do on the page: each function is one thing a person does, and waits until the
// page shows that it happened.
import assert from "node:assert/strict";

import { look } from "./pictures.js";
import { Witness } from "./witness.js";
import { PATIENCE, until } from "./until.js";

export const PASSWORD = "correct horse battery staple";

export const byId = (id) => `[data-testid=${id}]`;

/** A page for a person: `lang` fixes the language. */
export async function openPage(browser, origin) {
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const witness = await Witness.of(page, origin);
  return { page, witness };
}

/** Waits until something with the id is on the page. */
export function sees(page, id) {
  return page.waitForSelector(byId(id), { timeout: PATIENCE });
}

/** Presses a button with the id, once it can be pressed. */
export async function press(page, id) {
  // Found and pressed in one step: between two the page may have drawn another in its place.
  const pressed = (selector) => {
    const button = document.querySelector(selector);
    button?.click();
    return button !== null;
  };
  await page.waitForFunction(pressed, { timeout: PATIENCE }, `${byId(id)}:not([disabled])`);
}

/** Types into a field. */
export async function fill(page, id, text) {
  const field = await sees(page, id);
  await field.focus();
  await page.$eval(byId(id), (element, value) => {
    element.value = value;
    element.dispatchEvent(new Event("input", { bubbles: true }));
  }, text);
}

/** The text of something. */
export function read(page, id) {
  return page.$eval(byId(id), (element) => element.textContent.trim());
}

/** All that is written on the page. */
export function readAll(page) {
  return page.evaluate(() => document.body.innerText);
}

/** The value of a data attribute. */
export function data(page, id, name) {
  return page.$eval(byId(id), (element, key) => element.getAttribute(`data-${key}`), name);
}

/** Chooses a language, while everything else goes on. */
export async function speak(page, language) {
  await page.select(byId("lang-select"), language);
  await until(`the page speaks ${language}`, () =>
    page.evaluate((wanted) => document.documentElement.lang.startsWith(wanted), language),
  );
}

/** The counsellor's first visit to a server: an account of her own, and the desk. */
export async function setUp(page, server, name = server.newName()) {
  await page.goto(withLanguage(server.invitation(), "en"));
  await sees(page, "setup-view");
  await fill(page, "setup-name", name);
  await fill(page, "setup-password", PASSWORD);
  await press(page, "setup-submit");
  await sees(page, "desk-view");
}

/** Makes a room and returns the link for the other person. */
export async function makeRoom(page, title = "Tuesday") {
  await press(page, "desk-new");
  await fill(page, "desk-title", title);
  await press(page, "desk-create");
  await sees(page, "room-view");
  return roomLink(page);
}

/** The link that the room's page shows. */
export async function roomLink(page) {
  await sees(page, "room-link");
  return until("the link is shown", async () => {
    const value = await page.$eval(byId("room-link"), (field) => field.value);
    return value.includes("#1.") ? { value } : null;
  }).then(({ value }) => value);
}

/** Opens the waiting room. */
export async function openWaitingRoom(page) {
  await press(page, "room-open");
  await sees(page, "room-connected");
}

/** Opens the link and goes as far as the waiting room. */
export async function knock(page, link, name, options = {}) {
  await knockAgain(page, link, name, options);
  await sees(page, "waiting-view");
}

/** Opens the link and asks to come in; somebody who was in the call does not wait for long. */
export async function knockAgain(page, link, name, { camera = true } = {}) {
  await page.goto(withLanguage(link, "en"));
  await toDevices(page, name);
  await takePart(page, camera ? "join-knock" : "join-no-camera");
}

/** Gives a name and goes on to the device test, by way of whatever is asked in between. */
export async function toDevices(page, name) {
  await sees(page, "join-view");
  await fill(page, "join-name", name);
  await press(page, "join-continue");
  await firstOf(page, ["devices-view"], ["careful-continue"]);
}

/** Chooses a way of taking part; agrees where that is asked. */
export async function takePart(page, way) {
  await press(page, way);
  await firstOf(page, ["waiting-view", "call-view", "ended-view"], ["consent-agree"]);
}

/** Waits for one of `ends`, and presses whichever of `steps` comes before. */
async function firstOf(page, ends, steps) {
  await until(`one of ${ends.join()} is there`, () =>
    page.evaluate((wanted, presses) => {
      if (wanted.some((selector) => document.querySelector(selector) !== null)) return true;
      for (const selector of presses) document.querySelector(`${selector}:not([disabled])`)?.click();
      return document.querySelector("[data-testid$=-view]")?.dataset.testid ?? "nothing";
    }, ends.map(byId), steps.map(byId)),
  );
}

/** Lets in whoever waits. */
export async function admit(page) {
  await sees(page, "waiting-item");
  await press(page, "admit");
}

/** Waits until the page is in the call, with the other person's keys in place. */
export async function inCall(page) {
  await sees(page, "call-view");
  await until("two members are in the call", async () => {
    const members = await page.$eval(byId("keys-word"), (word) => word.getAttribute("data-members")).catch(() => null);
    return members === "2" || `members: ${members}`;
  });
}

/** Writes a line of chat and waits until it is shown as one's own. */
export async function write(page, text) {
  if ((await page.$(byId("chat-input"))) === null) await press(page, "chat-open");
  await fill(page, "chat-input", text);
  await press(page, "chat-send");
  await reads(page, text);
}

/** Waits until a line of chat is on the page. */
export async function reads(page, text) {
  if ((await page.$(byId("chat-panel"))) === null) await press(page, "chat-open");
  await page.waitForFunction(
    (selector, wanted) => [...document.querySelectorAll(selector)].some((line) => line.textContent.includes(wanted)),
    { timeout: PATIENCE },
    byId("chat-message"),
    text,
  );
}

/** Waits until the page says that it is over, and returns the reason. */
export async function ended(page) {
  await sees(page, "ended-view");
  return data(page, "ended-view", "reason");
}

/** Opens a link that does not lead in, reads why, and looks at the page that says so. */
export async function refused(browser, server, link, reason, picture) {
  const { page } = await openPage(browser, server.origin);
  await knockAgain(page, link, "Ben", { camera: false });
  assert.equal(await ended(page), reason);
  await look(page, picture);
}

/** Presses something that asks once, and says yes. */
export async function pressAndConfirm(page, id) {
  await press(page, id);
  await press(page, "confirm-yes");
}

/** A link with a language for its page. */
export function withLanguage(link, language) {
  const url = new URL(link);
  url.searchParams.set("lang", language);
  return url.href;
}
