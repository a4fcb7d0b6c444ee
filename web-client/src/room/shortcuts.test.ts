import { expect, it } from "vitest";

import { type Pressed, SHORTCUTS, shortcutOf } from "./shortcuts";

const key = (change: Partial<Pressed>): Pressed => ({ key: "", code: "", ctrlKey: false, altKey: false, metaKey: false, repeat: false, isComposing: false, ...change });
const FREE = { writes: false, presses: false };

it("single keys have their meaning, on an Arabic keyboard too", () => {
  expect(shortcutOf(key({ key: "m", code: "KeyM" }), FREE)).toBe("microphone");
  expect(shortcutOf(key({ key: "ة", code: "KeyM" }), FREE)).toBe("microphone");
  expect(shortcutOf(key({ key: "v", code: "KeyV" }), FREE)).toBe("camera");
  expect(shortcutOf(key({ key: "c", code: "KeyC" }), FREE)).toBe("chat");
  expect(shortcutOf(key({ key: " ", code: "Space" }), FREE)).toBe("talk");
  for (const mark of ["?", "؟", "？"]) expect(shortcutOf(key({ key: mark, code: "Slash" }), FREE)).toBe("help");
  expect(shortcutOf(key({ key: "x", code: "KeyX" }), FREE)).toBeNull();
});

it("nothing happens while somebody writes, composes, or holds another key", () => {
  const m = { key: "m", code: "KeyM" };
  expect(shortcutOf(key(m), { writes: true, presses: false })).toBeNull();
  expect(shortcutOf(key({ ...m, isComposing: true }), FREE)).toBeNull();
  for (const held of ["ctrlKey", "altKey", "metaKey", "repeat"]) expect(shortcutOf(key({ ...m, [held]: true }), FREE)).toBeNull();
});

it("the space bar presses a button that has the focus, and talks elsewhere", () => {
  expect(shortcutOf(key({ key: " ", code: "Space" }), { writes: false, presses: true })).toBeNull();
  expect(shortcutOf(key({ key: "m", code: "KeyM" }), { writes: false, presses: true })).toBe("microphone");
});

it("each is in the help", () => {
  expect(SHORTCUTS.map(({ shortcut }) => shortcut).sort()).toEqual(["camera", "chat", "help", "microphone", "talk"]);
});
