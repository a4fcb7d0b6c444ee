import { expect, test, vi } from "vitest";

import { Rejected, Unreachable } from "./api";
import { leaveFor, providerWord, readReturned } from "./provider";

test("an answer is read, and a no", () => {
  expect(readReturned("state=s%2B1&code=c%2F2&iss=https%3A%2F%2Fid.example")).toEqual({ state: "s+1", code: "c/2", iss: "https://id.example" });
  expect(readReturned("code=c&state=s")).toEqual({ state: "s", code: "c", iss: null });
  expect(readReturned("state=s&error=access_denied")).toBe("refused");
  expect(readReturned("state=s&code=c&error=access_denied")).toBe("refused");
});

test("other fragments are no answer", () => {
  for (const fragment of ["", "i.AAAA", "pair.AAAA", "code=c", "state=s"]) expect(readReturned(fragment)).toBeNull();
});

test("the page goes to an address on the web and nowhere else", () => {
  const assign = vi.fn();
  vi.stubGlobal("location", { assign });
  leaveFor({ address: "https://id.example/auth?x=1" });
  expect(assign.mock.calls).toEqual([["https://id.example/auth?x=1"]]);
  expect(() => {
    leaveFor({ address: "data:text/html,x" });
  }).toThrow(TypeError);
  expect(assign).toHaveBeenCalledOnce();
  vi.unstubAllGlobals();
});

test("each refusal has a sentence of its own that names no cause", () => {
  const words = (["cannot_sign_in", "expired", "no_such_right", "internal", "name_taken"] as const).map((code) => providerWord(new Rejected({ code })));
  expect(words).toEqual(["provider.refused", "provider.expired", "invitation.bad", "provider.down", "acct.name_taken"]);
  expect(providerWord(new Unreachable())).toBe("error.unreachable");
  expect(providerWord(new TypeError())).toBe("error.internal");
});
