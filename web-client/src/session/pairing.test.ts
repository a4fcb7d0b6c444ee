import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import type { PairingView, Reject } from "../protocol/wire";
import type { Question } from "../vault/messages";
import { Rejected } from "./api";
import { NewSide, OldSide } from "./pairing.svelte";
import type { VaultLink } from "./vault_link";
import { VaultRefusal } from "./vault_link";

/** A server with one pairing. */
class FakeServer {
  view: PairingView = { state: "waiting", expires_at: 300, hello: null, answer: null };
  refuses: Reject | null = null;
  down = false;
  readonly asked: string[] = [];

  readonly fetch = (url: string, { method = "GET", body }: { method?: string; body?: string } = {}): Promise<Response> => {
    if (this.down) return Promise.reject(new TypeError("offline"));
    const said = body === undefined ? {} : (JSON.parse(body) as Record<string, string>);
    this.asked.push(`${method} ${url.replace("/api/", "")} ${said["step"] ?? ""}${said["bytes"] === undefined ? "" : `=${said["bytes"]}`}`.trim());
    if (this.refuses !== null) return Promise.resolve(new Response(JSON.stringify(this.refuses), { status: 403 }));
    const answer = url.endsWith("/fetch") ? { parcel: "the parcel" } : this.view;
    return Promise.resolve(new Response(JSON.stringify(answer), { status: 200 }));
  };
}

function fakeVault(refuses: Partial<Record<Question["type"], string>> = {}, asked: string[] = []): VaultLink {
  const answers: Partial<Record<Question["type"], unknown>> = {
    pair_can: true,
    pair_begin: { pairing: "p", fragment: "pair.1.secret.commit" },
    pair_heard: { answer: "the answer", code: "123456" },
    pair_seal: "the parcel",
    pair_read: { pairing: "p", hello: "the hello" },
    pair_answered: { code: "123456" },
  };
  const ask = ({ type }: Question): Promise<unknown> => {
    asked.push(type);
    const code = refuses[type];
    return code === undefined ? Promise.resolve(answers[type] ?? null) : Promise.reject(new VaultRefusal(code));
  };
  return { ask } as unknown as VaultLink;
}

let server: FakeServer;
beforeEach(() => {
  vi.useFakeTimers();
  vi.setSystemTime(0);
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("location", { origin: "https://aman.example" });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const soon = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1100);

describe("the device that has the keys", () => {
  it("hands them over after a person said that the digits are the same, and not before", async () => {
    const old = new OldSide(fakeVault());
    await old.begin();
    expect(old.state).toEqual({ at: "waiting", link: "https://aman.example/#pair.1.secret.commit" });
    server.view = { ...server.view, state: "claimed", hello: "h" };
    await soon();
    expect(old.state).toEqual({ at: "compare", code: "123456" });
    await soon();
    expect(server.asked.filter((one) => one.includes("parcel"))).toEqual([]);

    old.matches();
    await soon();
    expect(old.state.at).toBe("handing");
    expect(server.asked).toContain("POST pairing/p parcel=the parcel");
    server.view = { ...server.view, state: "fetched" };
    await soon();
    expect(old.state.at).toBe("done");
  });

  it("hands nothing over when they differ, and calls it off", async () => {
    const old = new OldSide(fakeVault());
    await old.begin();
    server.view = { ...server.view, hello: "h" };
    await soon();
    old.differs();
    await soon();
    expect(old.state).toEqual({ at: "over", why: "pair.differed" });
    old.matches();
    await soon();
    expect(server.asked.at(-1)).toBe("DELETE pairing/p");
  });

  it("says why it is over: in time, called off, or no keys to give", async () => {
    const old = new OldSide(fakeVault());
    await old.begin();
    await vi.advanceTimersByTimeAsync(301_000);
    expect(old.state).toEqual({ at: "over", why: "pair.expired" });

    server.view = { ...server.view, expires_at: 900 };
    await old.begin();
    server.refuses = { code: "no_such_right" };
    await soon();
    expect(old.state).toEqual({ at: "over", why: "pair.gone" });
    server.refuses = { code: "not_fresh" };
    await expect(new OldSide(fakeVault()).begin()).rejects.toBeInstanceOf(Rejected);
    await expect(new OldSide(fakeVault({ pair_begin: "pair_no_copy" })).begin()).rejects.toBeInstanceOf(VaultRefusal);
  });

  it("waits while the line is down, and asks nothing more once it is closed", async () => {
    const old = new OldSide(fakeVault());
    await old.begin();
    server.down = true;
    await soon();
    server.down = false;
    server.view = { ...server.view, hello: "h" };
    await soon();
    expect(old.state.at).toBe("compare");
    old.close();
    await soon();
    const n = server.asked.length;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(server.asked.length).toBe(n);
    expect(old.state.at).toBe("idle");
  });
});

describe("a clock that is wrong", () => {
  it("ends nothing before its time on either device", async () => {
    vi.setSystemTime(301_000);
    const [old, device] = [new OldSide(fakeVault()), new NewSide(fakeVault(), "a", "x")];
    await old.begin();
    const done = device.run();
    await vi.advanceTimersByTimeAsync(10_000);
    expect([old.state.at, device.state.at]).toEqual(["waiting", "coming"]);
    await vi.advanceTimersByTimeAsync(291_000);
    expect(await done).toBe(false);
    expect([old.state, device.state]).toEqual([{ at: "over", why: "pair.expired" }, { at: "over", why: "pair.expired" }]);
  });
});

describe("whoever leaves", () => {
  it("leaves nothing in the vault, and sends no parcel that was sealed meanwhile", async () => {
    const asked: string[] = [];
    const old = new OldSide(fakeVault({}, asked));
    await old.begin();
    server.view = { ...server.view, hello: "h" };
    await soon();
    old.matches();
    old.close();
    await soon();
    expect(asked).toContain("pair_stop");
    expect(server.asked.some((one) => one.includes("parcel"))).toBe(false);
    expect(server.asked.at(-1)).toBe("DELETE pairing/p");
  });

  it("calls it off when the server hears of the new device only then", async () => {
    const asked: string[] = [];
    const device = new NewSide(fakeVault({}, asked), "a", "x");
    vi.stubGlobal("fetch", (url: string, init: { method?: string; body?: string }) => {
      // They go while the hello is on its way.
      if (init.method === "POST") device.leave();
      return server.fetch(url, init);
    });
    expect(await device.run()).toBe(false);
    expect(server.asked).toEqual(["POST pairing/p hello=the hello", "DELETE pairing/p"]);
    expect(asked.at(-1)).toBe("pair_stop");
  });

  it("before a word was said, says none", async () => {
    const device = new NewSide(fakeVault(), "a", "x");
    const done = device.run();
    device.leave();
    expect(await done).toBe(false);
    expect(server.asked).toEqual([]);
  });
});

describe("the new device", () => {
  it("shows digits, and has the keys once the other one let them go", async () => {
    const device = new NewSide(fakeVault(), "a", "pair.1.secret.commit");
    const done = device.run();
    await soon();
    expect(server.asked[0]).toBe("POST pairing/p hello=the hello");
    expect(device.state.at).toBe("coming");
    server.view = { ...server.view, answer: "the answer" };
    await soon();
    expect(device.state).toEqual({ at: "compare", code: "123456" });
    expect(server.asked.some((one) => one.includes("fetch"))).toBe(false);
    server.view = { ...server.view, state: "released" };
    await soon();
    expect(await done).toBe(true);
    expect(device.state.at).toBe("done");
  });

  it("says what is wrong, and calls off what cannot be right any more", async () => {
    for (const [refuses, why] of [["pair_bad_link", "pair.bad_link"], ["pair_other_keys", "pair.other_keys"]] as const) {
      const device = new NewSide(fakeVault({ pair_read: refuses }), "a", "x");
      expect(await device.run()).toBe(false);
      expect(device.state).toEqual({ at: "over", why });
    }
    expect(server.asked).toEqual([]);

    server.view = { ...server.view, answer: "of somebody else" };
    const device = new NewSide(fakeVault({ pair_answered: "pair_wrong" }), "a", "x");
    expect(await device.run()).toBe(false);
    expect(device.state).toEqual({ at: "over", why: "pair.wrong" });
    expect(server.asked.at(-1)).toBe("DELETE pairing/p");

    server.refuses = { code: "out_of_order" };
    const late = new NewSide(fakeVault(), "a", "x");
    expect(await late.run()).toBe(false);
    expect(late.state).toEqual({ at: "over", why: "pair.taken" });
    expect(server.asked.at(-1)).toBe("POST pairing/p hello=the hello");
  });

  it("calls it off when a person leaves", async () => {
    const device = new NewSide(fakeVault(), "a", "x");
    const done = device.run();
    await soon();
    device.leave();
    await soon();
    expect(await done).toBe(false);
    expect(server.asked.at(-1)).toBe("DELETE pairing/p");
  });
});
