import { expect, it } from "vitest";

import { checkWords } from "./doorstep_words";

it("a device test in words leaves out what was not tried", () => {
  expect(checkWords({ kind: "check", camera: "denied", microphone: "ok", sound: false, line: null, reach: null })).toEqual(["check.camera.denied", "check.microphone.ok", "check.sound.not_heard"]);
  expect(checkWords({ kind: "check", camera: null, microphone: null, sound: null, line: "weak", reach: false })).toEqual(["check.line.weak", "check.reach.blocked"]);
  expect(checkWords({ kind: "check", camera: null, microphone: null, sound: null, line: null, reach: null })).toEqual([]);
});
