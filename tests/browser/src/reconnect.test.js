// A line that goes and comes back, a page that is loaded anew, a server that starts anew: the
// call comes back by itself, without a new invitation.  How fast is told by `cargo xtask
// figures`; here it must only be bearable, on whatever machine the tests run.
import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { chromium, firefox } from "./company.js";
import * as people from "./people.js";
import { attendeeReloads, callOverLines, counsellorReloads, outage, serverRestarts } from "./returning.js";

const LONG = { timeout: 300_000 };
const BEARABLE_MS = 30_000;

// Most of an outage is waiting: two calls at a time.
describe("coming back", { concurrency: 2 }, () => {
  test("after an outage of 45 s on the side of the counsellor the call comes back", LONG, async (t) => {
    const { ana, ben } = await callOverLines(t, [chromium, chromium]);
    const time = await outage([ana, ben], ana, 45);
    t.diagnostic(`an outage of 45 s: ${Math.round(time)} ms`);
    assert.ok(time < BEARABLE_MS, `it takes ${Math.round(time)} ms`);
    await people.inCall(ben.page);
    await people.write(ana.page, "Are you still there?");
    await people.reads(ben.page, "Are you still there?");
  });

  for (const [name, browsers] of [["chromium", [chromium, chromium]], ["firefox", [chromium, firefox]]]) {
    test(`${name} comes back after an outage of 15 s, a reload on either side, and a new server`, LONG, async (t) => {
      const call = await callOverLines(t, browsers);
      const { ana, ben } = call;
      for (const { page } of [ana, ben]) page.on("dialog", (dialog) => dialog.accept());
      const times = {
        "an outage of 15 s": await outage([ana, ben], ben, 15),
        "the attendee's reload": await attendeeReloads(call),
        "the counsellor's reload": await counsellorReloads(call),
        "a new server": await serverRestarts(call),
      };
      for (const [what, time] of Object.entries(times)) {
        t.diagnostic(`${what}: ${Math.round(time)} ms`);
        assert.ok(time < BEARABLE_MS, `${what} takes ${Math.round(time)} ms`);
      }
      assert.equal(await ana.page.$(people.byId("waiting-item")), null, "nobody has to be let in again");
      await people.write(ben.page, "Here I am again");
      await people.reads(ana.page, "Here I am again");
    });
  }
});
