import { expect, test } from "vitest";

import type { Probe } from "../../protocol/wire";
import type { CardVault } from "./invitation";
import { checkReach } from "./reach";

const PROBE: Probe = { ufrag: "abcdefgh", password: "abcdefghijklmnopqrstuvwx", candidates: [{ ip: "192.0.2.7", port: 3478 }] };
const VAULT = { ask: () => Promise.resolve({ invite: "INV", server_auth: "AUTH" }) } as unknown as CardVault;
const SIGNAL = new AbortController().signal;

test("the holder of a link asks for what is needed, and tries just that", async () => {
  const asked: unknown[] = [];
  const found = await checkReach(
    VAULT,
    (path, body) => {
      asked.push([path, body]);
      return Promise.resolve(PROBE);
    },
    SIGNAL,
    (probe, signal) => {
      asked.push([probe, signal]);
      return Promise.resolve({ type: "works", round_trip_ms: 12 });
    },
  );
  expect(asked).toEqual([["invites/INV/probe", { server_auth: "AUTH" }], [PROBE, SIGNAL]]);
  expect(found).toEqual({ type: "works", round_trip_ms: 12 });
});

test("a server that gives nothing, or nonsense, says nothing about the network", async () => {
  const never = (): never => {
    throw new Error("there was nothing to try");
  };
  for (const answer of [undefined, {}, { ...PROBE, ufrag: "a b" }]) {
    expect(await checkReach(VAULT, () => Promise.resolve(answer), SIGNAL, never)).toEqual({ type: "unknown" });
  }
  expect(await checkReach(VAULT, () => Promise.reject(new Error("too fast")), SIGNAL, never)).toEqual({ type: "unknown" });
});
