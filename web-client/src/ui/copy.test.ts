import { afterEach, describe, expect, it, vi } from "vitest";

import { copyText } from "./copy";

afterEach(() => { vi.unstubAllGlobals(); });

/** A browser with a clipboard that answers so, and the old command that answers so. */
function browser(clipboard: (() => Promise<void>) | null, old: (() => boolean) | null): { selected: number; field: HTMLInputElement } {
  const seen = { selected: 0, field: { focus: () => undefined, select: () => { seen.selected += 1; } } as unknown as HTMLInputElement };
  vi.stubGlobal("navigator", clipboard === null ? {} : { clipboard: { writeText: clipboard } });
  vi.stubGlobal("document", old === null ? {} : { execCommand: old });
  return seen;
}

describe("copying", () => {
  it("writes to the clipboard in the same step as the tap", async () => {
    let written = false;
    const { field } = browser(() => { written = true; return Promise.resolve(); }, null);
    const done = copyText("a link", field);
    expect(written).toBe(true);
    expect(await done).toBe(true);
  });

  it("falls back to selecting and copying, where the clipboard is refused or absent", async () => {
    for (const clipboard of [() => Promise.reject(new Error("no")), null]) {
      const seen = browser(clipboard, () => true);
      expect(await copyText("a link", seen.field)).toBe(true);
      expect(seen.selected).toBe(1);
    }
  });

  it("leaves the text selected and says so when nothing works", async () => {
    for (const old of [() => false, () => { throw new Error("no"); }, null]) {
      const seen = browser(null, old);
      expect(await copyText("a link", seen.field)).toBe(false);
      expect(seen.selected).toBe(1);
    }
  });
});
