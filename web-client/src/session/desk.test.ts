import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { readCard } from "../room/card";
import { writeDetails } from "../desk/details";
import { fieldsOf } from "../desk/schedule";
import type { InviteView, RoomView } from "../protocol/wire";
import type { Question } from "../vault/messages";
import type { Plan } from "./desk.svelte";
import { Desk } from "./desk.svelte";
import type { VaultLink } from "./vault_link";
import { VaultRefusal } from "./vault_link";

/** A server that remembers rooms, and what it was asked. */
class FakeServer {
  rooms: RoomView[] = [];
  readonly bodies: { method: string; path: string; body: Record<string, unknown> }[] = [];
  down = false;
  /** Another device has just given these numbers. */
  elsewhere: number[] = [];

  readonly fetch = (url: string, { method = "GET", body }: { method?: string; body?: string } = {}): Promise<Response> => {
    if (this.down) return Promise.reject(new TypeError("offline"));
    const path = url.replace("/api/", "");
    const asked = body === undefined ? {} : (JSON.parse(body) as Record<string, unknown>);
    this.bodies.push({ method, path, body: asked });
    if (path.endsWith("/invites") && this.elsewhere.includes(Number(asked["number"]))) return Promise.resolve(new Response('{"code":"malformed"}', { status: 409 }));
    return Promise.resolve(new Response(JSON.stringify(this.answer(method, path, asked) ?? null), { status: 200 }));
  };

  of(method: string, path: RegExp): Record<string, unknown>[] {
    return this.bodies.filter((one) => one.method === method && path.test(one.path)).map(({ body }) => body);
  }

  private answer(method: string, path: string, body: Record<string, unknown>): unknown {
    if (path === "state") return { needs_setup: false, exit_url: "", agency: "Haus am Fluss", sensitive: false, crisis: {}, idle_minutes: 0 };
    if (path === "me") return { account: "a", name: "Ana", role: "counsellor", step: "done" };
    if (path === "rooms" && method === "GET") return this.rooms;
    const [, id = "", what] = path.split("/");
    const room = this.rooms.find((one) => one.room === id);
    if (path === "rooms") {
      const made = { room: `r${this.rooms.length}`, created_at: this.rooms.length, n_waiting: 0, live: false, invites: [] as InviteView[], ...body } as unknown as RoomView;
      this.rooms = [...this.rooms, made];
      return made;
    }
    if (what === "invites" && room !== undefined) {
      const { invite, number, expires_at } = body as unknown as InviteView;
      room.invites.push({ invite, number, expires_at, state: "unused" });
      return room.invites.at(-1);
    }
    if (method === "PATCH" && room !== undefined) return Object.assign(room, body);
    if (method === "DELETE" && path.startsWith("rooms/")) this.rooms = this.rooms.filter((one) => one.room !== id);
    if (method === "DELETE") for (const one of this.rooms) for (const invite of one.invites) if (invite.invite === id) invite.state = "revoked";
    return undefined;
  }
}

/** A vault that "seals" by turning the text around. */
function fakeVault(refuseCardsOver = Infinity): { vault: VaultLink; cards: string[] } {
  const cards: string[] = [];
  const given = new Set<string>();
  let number = 0;
  const turn = (text: string): string => Array.from(text).reverse().join("");
  const ask = (question: Question): Promise<unknown> => {
    switch (question.type) {
      case "open_keys":
        return Promise.resolve({ created: false });
      case "seal_title":
        return Promise.resolve(turn(question.title));
      case "open_title":
        return Promise.resolve(question.sealed === "not ours" ? null : turn(question.sealed));
      case "new_link":
        number = [0, 1, 2, 3].find((one) => !question.taken.includes(one) && !given.has(`${question.room}/${one}`)) ?? 4;
        given.add(`${question.room}/${number}`);
        return Promise.resolve({ invite: `${question.room}-${number}`, number, server_auth_hash: "h", wrapped_room_secret: "w", fragment: `1.secret-${number}` });
      case "make_link":
        return Promise.resolve({ fragment: `1.secret-${question.number}` });
      case "seal_card":
        if (question.card.length > refuseCardsOver) return Promise.reject(new VaultRefusal("bad_length"));
        cards.push(question.card);
        return Promise.resolve("sealed card");
      case "revoke_link":
      case "open_card":
      case "link_rights":
      case "verify_receipt":
      case "counters":
      case "pair_can":
      case "pair_never":
      case "pair_begin":
      case "pair_heard":
      case "pair_seal":
      case "pair_read":
      case "pair_answered":
      case "pair_keep":
      case "pair_stop":
        return Promise.resolve(null);
    }
  };
  return { vault: { ask } as unknown as VaultLink, cards };
}

const start = Math.floor(new Date(2026, 9, 20, 15, 0).getTime() / 1000);
const plan: Plan = { title: "Tuesday", note: "bring the form", lang: "ar", starts_at: start, minutes: 50, kind: "audio", reusable: false, weeks: 1 };
let server: FakeServer;

beforeEach(() => {
  vi.useFakeTimers();
  server = new FakeServer();
  vi.stubGlobal("fetch", server.fetch);
  vi.stubGlobal("navigator", { storage: { persist: () => Promise.resolve(true) } });
  vi.stubGlobal("location", { origin: "https://aman.example" });
  vi.stubGlobal("document", { hidden: false });
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

async function atTheDesk(vault = fakeVault().vault): Promise<Desk> {
  const desk = new Desk(vault, null);
  await desk.begin();
  expect(desk.place).toBe("desk");
  return desk;
}

describe("a new appointment", () => {
  it("tells the server when, how long and how, and of the rest only what is sealed", async () => {
    const { vault, cards } = fakeVault();
    const desk = await atTheDesk(vault);
    expect(await desk.create(plan)).toBe(true);

    const [room] = server.of("POST", /^rooms$/);
    const { sealed_title, ...plain } = room ?? {};
    expect(plain).toEqual({ starts_at: start, minutes: 50, kind: "audio", reusable: false });
    expect(sealed_title).toBe(Array.from(writeDetails({ title: "Tuesday", lang: "ar", note: "bring the form", series: null })).reverse().join(""));
    expect(JSON.stringify(server.bodies)).not.toMatch(/Tuesday|bring the form|secret-0|Ana/);
    expect(readCard(cards[0] ?? "")).toEqual({ name: "Ana", role: "", agency: "Haus am Fluss", registration: "", words: "", lang: "ar" });
    expect(desk.room?.title).toBe("Tuesday");
    expect(desk.link).toBe("https://aman.example/j#1.secret-0");
  });

  it("every week is one room each, at the same hour, in order", async () => {
    const desk = await atTheDesk();
    await desk.create({ ...plan, weeks: 3 });
    const made = server.of("POST", /^rooms$/).map(({ starts_at }) => fieldsOf(Number(starts_at)));
    expect(made.map(({ date, time }) => `${date} ${time}`)).toEqual(["2026-10-20 15:00", "2026-10-27 15:00", "2026-11-03 15:00"]);
    expect(server.of("POST", /invites$/)).toHaveLength(3);
    expect(desk.room?.details?.series).toMatchObject({ n: 1, of: 3 });
    expect(desk.next()?.details?.series).toMatchObject({ n: 2, of: 3 });
    await desk.choose(desk.next()?.view.room ?? null);
    await desk.choose(desk.next()?.view.room ?? null);
    expect(desk.next()).toBeNull();
  });

  it("says that the page should be loaded again when another tab replaced the keys", async () => {
    const { vault } = fakeVault();
    const ask = vault.ask.bind(vault);
    const desk = await atTheDesk({ ask: (question: Question) => (question.type === "seal_title" ? Promise.reject(new VaultRefusal("keys_changed")) : ask(question)) } as unknown as VaultLink);
    expect(await desk.create(plan)).toBe(false);
    expect(desk.error).toBe("error.keys_changed");
    expect(server.of("POST", /^rooms$/)).toEqual([]);
  });

  it("with more text than can be sealed is refused before the server hears of it", async () => {
    const desk = await atTheDesk();
    expect(await desk.create({ ...plan, note: "约".repeat(200) })).toBe(false);
    expect(desk.error).toBe("form.too_long");
    expect(server.of("POST", /^rooms$/)).toEqual([]);
  });

  it("has a link also where the card is too long: with fewer words on it", async () => {
    const { vault, cards } = fakeVault(150);
    const desk = await atTheDesk(vault);
    await desk.saveProfile({ name: "Ana", role: "Counsellor", agency: "", registration: "", words: "x".repeat(200) });
    await desk.create(plan);
    expect(readCard(cards[0] ?? "")).toMatchObject({ role: "Counsellor", words: "" });
    expect(server.of("POST", /invites$/)[0]).toMatchObject({ sealed_card: "sealed card" });
  });
});

describe("an appointment", () => {
  it("is changed, keeping its series", async () => {
    const desk = await atTheDesk();
    await desk.create({ ...plan, weeks: 2 });
    const before = desk.room?.details?.series;
    expect(await desk.change({ ...plan, title: "Wednesday", minutes: 30, starts_at: start + 86_400 })).toBe(true);
    expect(desk.room?.title).toBe("Wednesday");
    expect(desk.room?.details?.series).toEqual(before);
    expect(server.of("PATCH", /^rooms/)[0]).toMatchObject({ minutes: 30, starts_at: start + 86_400 });
  });

  it("gives one more link for one more person, and takes back the one that is named", async () => {
    const desk = await atTheDesk();
    await desk.create(plan);
    expect(await desk.extraLink("r0")).toBe("https://aman.example/j#1.secret-1");
    await desk.revoke(1);
    expect(server.rooms[0]?.invites.map(({ state }) => state)).toEqual(["unused", "revoked"]);
    expect(desk.link).toBe("https://aman.example/j#1.secret-0");
    expect(desk.numbers()).not.toContain(1);
  });

  it("of a number that another device gave at the same moment is made again with the next", async () => {
    const desk = await atTheDesk();
    await desk.create(plan);
    server.elsewhere = [1, 2];
    expect(await desk.extraLink("r0")).toBe("https://aman.example/j#1.secret-3");
    server.elsewhere = [4, 5, 6, 7];
    expect(await desk.extraLink("r0")).toBeNull();
  });

  it("that is cancelled goes from the list", async () => {
    const desk = await atTheDesk();
    await desk.create(plan);
    await desk.end();
    expect([desk.room, desk.rooms]).toEqual([null, []]);
  });

  it("made before there were details, or on another device, is listed all the same", async () => {
    const old = { created_at: 1, starts_at: null, minutes: null, kind: "video", reusable: true, n_waiting: 0, live: false, invites: [] } satisfies Partial<RoomView>;
    server.rooms = [{ ...old, room: "a", sealed_title: "kcoD" }, { ...old, room: "b", sealed_title: "not ours" }];
    const desk = await atTheDesk();
    expect(desk.rooms.map(({ title }) => title)).toEqual(["Dock", null]);
  });
});

describe("the list", () => {
  it("is read again by itself, also after the server was away", async () => {
    const desk = await atTheDesk();
    server.down = true;
    await vi.advanceTimersByTimeAsync(30_000);
    server.down = false;
    const before = server.of("GET", /^rooms$/).length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.of("GET", /^rooms$/).length).toBeGreaterThan(before);
    desk.openAccount();
    const inAccount = server.of("GET", /^rooms$/).length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(server.of("GET", /^rooms$/).length).toBeGreaterThan(inAccount);
  });

  it("is forgotten by whoever signs out, and read no more", async () => {
    const desk = await atTheDesk();
    await desk.create(plan);
    await desk.signOut();
    const before = server.bodies.length;
    await vi.advanceTimersByTimeAsync(300_000);
    expect(server.bodies).toHaveLength(before);
    expect([desk.rooms, desk.link, desk.drawer, desk.place]).toEqual([[], null, null, "sign_in"]);
  });
});
