import { beforeEach, expect, test, vi } from "vitest";

import type { Answers, FromVault, Question } from "./messages";
import { NewDevice } from "./pairing";

vi.mock("aman-wasm", () => ({ default: () => Promise.resolve(), wasmUrl: "" }));
vi.mock("./keys", async () => {
  const { newKeyBytes } = await import("./key_bytes");
  const keys = {
    account: "a",
    created: false,
    hasCopy: () => Promise.resolve(true),
    lend: async (work: (bytes: unknown, share: unknown) => unknown) => work(await newKeyBytes(), { start: 0, width: 1 }),
  };
  return { CounsellorKeys: { open: () => Promise.resolve(keys) } };
});

/** Not followed by the compiler: a page has no names for what a worker has. */
const WORKER: string = "./worker";

let said: FromVault[] = [];
const vault: { onmessage?: (event: { data: unknown }) => void; postMessage: (message: FromVault) => void } = { postMessage: (message) => void said.push(message) };

async function ask<Q extends Question>(question: Q): Promise<Answers[Q["type"]] | { refused: string }> {
  said = [];
  vault.onmessage?.({ data: { type: "ask", id: 1, question } });
  const answer = await vi.waitFor(() => {
    const found = said.find((message) => message.type === "answer" || message.type === "refused");
    if (found === undefined) throw new Error("no answer");
    return found;
  });
  return answer.type === "answer" ? (answer.value as Answers[Q["type"]]) : { refused: answer.code };
}

beforeEach(async () => {
  vi.stubGlobal("self", vault);
  vi.resetModules();
  await import(WORKER);
});

test("keys are sealed for a device that was compared with, and for none after it was called off", async () => {
  for (const isStopped of [false, true]) {
    await ask({ type: "open_keys", account: "a" });
    const begun = (await ask({ type: "pair_begin" })) as Answers["pair_begin"];
    const { hello } = await NewDevice.begin("a", begun.fragment);
    expect(await ask({ type: "pair_heard", hello })).toMatchObject({ code: expect.stringMatching(/^\d{6}$/) as string });
    if (isStopped) expect(await ask({ type: "pair_stop" })).toBeNull();
    const sealed = await ask({ type: "pair_seal" });
    if (isStopped) expect(sealed).toEqual({ refused: "pair_wrong" });
    else expect(typeof sealed).toBe("string");
  }
});
