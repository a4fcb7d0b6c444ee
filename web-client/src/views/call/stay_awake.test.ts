import { afterEach, expect, test, vi } from "vitest";

import { stayAwake } from "./stay_awake";

interface Page extends EventTarget {
  visibilityState: string;
}

function begin(): { page: Page; taken: { released: boolean }[] } {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const taken: { released: boolean }[] = [];
  const request = (): Promise<unknown> => {
    const lock = { released: false, release: () => Promise.resolve(void (lock.released = true)) };
    taken.push(lock);
    return Promise.resolve(lock);
  };
  vi.stubGlobal("document", page);
  vi.stubGlobal("navigator", { wakeLock: { request } });
  return { page, taken };
}

afterEach(() => vi.unstubAllGlobals());

test("the screen stays on, also after it was locked and unlocked, and may go off when the call is over", async () => {
  const { page, taken } = begin();
  const end = stayAwake();
  await Promise.resolve();
  page.visibilityState = "hidden";
  page.dispatchEvent(new Event("visibilitychange"));
  expect(taken.length).toBe(1);
  page.visibilityState = "visible";
  page.dispatchEvent(new Event("visibilitychange"));
  await Promise.resolve();
  expect(taken.length).toBe(2);
  end();
  expect(taken.at(-1)?.released).toBe(true);
  page.dispatchEvent(new Event("visibilitychange"));
  expect(taken.length).toBe(2);
});

test("a lock that comes after the call is given back", async () => {
  const { taken } = begin();
  stayAwake()();
  await Promise.resolve();
  await Promise.resolve();
  expect(taken.map(({ released }) => released)).toEqual([true]);
});

test("a browser without locks is left alone", () => {
  vi.stubGlobal("document", Object.assign(new EventTarget(), { visibilityState: "visible" }));
  vi.stubGlobal("navigator", {});
  expect(() => {
    stayAwake()();
  }).not.toThrow();
});
