// The server and the browsers that all tests of a run share: starting them takes longer than
// most tests.  What a test has is its own nevertheless: accounts, rooms, and in each browser a
// storage and windows that go with it.  Whoever stops a server, or needs a browser that nobody
// used before, starts one (server.js, browsers.js).
import { after } from "node:test";

import * as fresh from "./browsers.js";
import { Visit } from "./browsers.js";
import { Server } from "./server.js";

/** Who is invited needs no second factor here: `accounts.test.js` has a server that asks. */
const CONFIG = '[accounts]\nsecond_factor = "optional"\n';

/** What a test is to `later`: here everything ends with the last of them. */
const undo = [];
const RUN = { name: `shared-${process.pid}`, visits: true, error: null, after: (action) => undo.push(action) };
after(async () => {
  for (const action of undo) await action();
});

const kept = new Map();

/** The server that all share. */
export function sharedServer() {
  return keep("server", () => Server.start(RUN, { config: CONFIG }));
}

/** The Chromium of somebody, whose devices are there and granted. */
export async function chromium(t, person) {
  return visit(t, "chromium", `chromium ${person.tone}`, () => fresh.chromium(RUN, person));
}

/** The Firefox that all share. */
export async function firefox(t) {
  return visit(t, "firefox", "firefox", () => fresh.firefox(RUN));
}

async function visit(t, kind, name, launch) {
  const browser = await keep(name, launch);
  // One that broke takes one test with it, not those after it.
  if (!browser.connected) kept.delete(name);
  return Visit.begin(t, browser.connected ? browser : await keep(name, launch), kind);
}

/** What failed to start is tried again by the next test. */
function keep(name, start) {
  if (!kept.has(name)) {
    const started = start();
    kept.set(name, started);
    started.catch(() => kept.delete(name));
  }
  return kept.get(name);
}
