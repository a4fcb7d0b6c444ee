import { afterEach, expect, test, vi } from "vitest";

import type { LocalMedia } from "../media/local.svelte";
import type { Output } from "../protocol/participant";
import { Call } from "./call.svelte";
import type { VaultLink } from "./vault_link";

afterEach(() => {
  vi.unstubAllGlobals();
});

test("what is written while the person does not want to read is not shown after a later yes", () => {
  const vault = { input: () => undefined } as unknown as VaultLink;
  const call = new Call(vault, {} as unknown as LocalMedia, () => Promise.resolve({ retry: false }));
  const hear = (text: string): void => {
    vault.onOutput({ type: "chat", own: false, name: "Ana", text } as Output);
  };
  hear("one");
  call.readsChat = false;
  hear("two");
  call.readsChat = true;
  hear("three");
  expect(call.chat.map(({ text }) => text)).toEqual(["one", "three"]);
});
