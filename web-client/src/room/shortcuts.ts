// Which single key does what in a call.  They can be switched off (WCAG 2.1.4), and never work
// while somebody writes.

/** What a key asks for. */
export type Shortcut = "microphone" | "camera" | "chat" | "help" | "talk";

/** A key, as the browser tells it. */
export interface Pressed {
  key: string;
  code: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  isComposing: boolean;
}

/** Where the focus is. */
export interface Place {
  /** In a field that takes letters. */
  writes: boolean;
  /** On something that the space bar presses. */
  presses: boolean;
}

const BY_CODE: Record<string, Shortcut> = { KeyM: "microphone", KeyV: "camera", KeyC: "chat", Space: "talk" };

/** The list, in the order of the help. */
export const SHORTCUTS: readonly { shortcut: Shortcut; key: string }[] = [
  { shortcut: "microphone", key: "M" },
  { shortcut: "camera", key: "V" },
  { shortcut: "chat", key: "C" },
  { shortcut: "talk", key: "␣" },
  { shortcut: "help", key: "?" },
];

/** What the key means; `null` for a key of somebody else.  By its place on the keyboard, so that
 * it is the same key when Arabic letters are on it. */
export function shortcutOf(pressed: Pressed, place: Place): Shortcut | null {
  if (place.writes || pressed.isComposing || pressed.ctrlKey || pressed.altKey || pressed.metaKey) return null;
  const shortcut = pressed.key === "?" || pressed.key === "؟" || pressed.key === "？" ? "help" : (BY_CODE[pressed.code] ?? null);
  if (shortcut === "talk" && place.presses) return null;
  return pressed.repeat ? null : shortcut;
}

/** Where the focus is. */
export function placeOf(element: Element | null): Place {
  const within = (selector: string): boolean => element !== null && element.closest(selector) !== null;
  return {
    writes: within("input:not([type=checkbox], [type=radio], [type=range], [type=button]), textarea, select, [contenteditable]"),
    presses: within("button, a[href], summary, input, select, [role=button]"),
  };
}
