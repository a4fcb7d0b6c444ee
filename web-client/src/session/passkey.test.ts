import { afterEach, expect, test, vi } from "vitest";

import { makePasskey, NoPasskey, passkeysWork, usePasskey } from "./passkey";

afterEach(() => vi.unstubAllGlobals());

function credentials(answer: () => unknown): void {
  const ask = (): Promise<unknown> => Promise.resolve().then(answer);
  vi.stubGlobal("navigator", { credentials: { create: ask, get: ask } });
}

const buffer = (...numbers: number[]): ArrayBuffer => new Uint8Array(numbers).buffer;

test("bare addresses have no passkeys, and neither has a browser without them", () => {
  expect(passkeysWork("aman.example")).toBe(false);
  vi.stubGlobal("PublicKeyCredential", () => undefined);
  expect(["aman.example", "localhost"].map(passkeysWork)).toEqual([true, true]);
  expect(["127.0.0.1", "192.168.1.7", "[::1]", "::1"].map(passkeysWork)).toEqual([false, false, false, false]);
});

test("what the authenticator says goes to the server as it is", async () => {
  credentials(() => ({
    rawId: buffer(1, 2),
    response: { clientDataJSON: buffer(3), authenticatorData: buffer(4), signature: buffer(255), userHandle: null },
  }));
  const proof = await usePasskey({ challenge: "AAAA", rp: "localhost" });
  expect(proof).toEqual({ credential: "AQI", client_data: "Aw", authenticator_data: "BA", signature: "_w", account: null });

  credentials(() => ({ response: { clientDataJSON: buffer(3), getAuthenticatorData: () => buffer(4) } }));
  const made = await makePasskey({ challenge: "AAAA", rp: "localhost", account: "AAAA", name: "Ana", known: ["AQI"] });
  expect(made).toEqual({ client_data: "Aw", authenticator_data: "BA" });
});

test("each kind of no has a word of its own", async () => {
  for (const [name, trouble] of [
    ["NotAllowedError", "cancelled"],
    ["InvalidStateError", "exists"],
    ["SecurityError", "failed"],
  ] as const) {
    credentials(() => {
      throw new DOMException("", name);
    });
    await expect(usePasskey({ challenge: "AAAA", rp: "localhost" })).rejects.toEqual(new NoPasskey(trouble));
  }
  credentials(() => null);
  await expect(usePasskey({ challenge: "AAAA", rp: "localhost" })).rejects.toEqual(new NoPasskey("failed"));
});
