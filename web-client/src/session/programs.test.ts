import { afterEach, beforeEach, expect, test, vi } from "vitest";

import type { WebhookView } from "../protocol/wire";
import { outcomeOf, Programs } from "./programs.svelte";

const hook = (change: Partial<WebhookView> = {}): WebhookView => ({ webhook: "w", url: "https://agency.example/", events: ["session.ended"], created_at: 1, delivered_at: null, failed_at: null, ...change });

interface Fake {
  programs: Programs;
  asked: string[];
  server: { hooks: WebhookView[] };
  errors: unknown[];
}

function begin(): Fake {
  const asked: string[] = [];
  const errors: unknown[] = [];
  const server = { hooks: [hook()] };
  vi.stubGlobal("fetch", (url: string, { method = "GET" }: { method?: string } = {}) => {
    const path = url.replace("/api/", "");
    asked.push(`${method} ${path}`);
    const answers: Record<string, unknown> = { "GET keys": [], "GET webhooks": server.hooks, "POST keys": { view: {}, secret: "aman_once" } };
    const answer = answers[`${method} ${path}`];
    return Promise.resolve(new Response(answer === undefined ? null : JSON.stringify(answer), { status: answer === undefined ? 204 : 200 }));
  });
  const programs = new Programs((work) => void work().catch((error: unknown) => errors.push(error)));
  return { programs, asked, server, errors };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a key is on the page until it was kept, or the page is closed", async () => {
  const { programs } = begin();
  programs.makeKey({ label: "calendar", scopes: ["sessions:read"] });
  await vi.waitFor(() => { expect(programs.made).toEqual({ kind: "key", secret: "aman_once" }); });
  programs.kept();
  expect(programs.made).toBeNull();
  programs.makeKey({ label: "calendar", scopes: ["sessions:read"] });
  await vi.waitFor(() => { expect(programs.made).not.toBeNull(); });
  programs.close();
  expect(programs.made).toBeNull();
});

test("a test is followed until the server says how it came out", async () => {
  const { programs, asked, server } = begin();
  programs.load();
  await vi.waitFor(() => { expect(programs.webhooks).toHaveLength(1); });
  programs.test("w");
  await vi.waitFor(() => { expect(programs.tests.get("w")).toBe("waits"); });
  await vi.advanceTimersByTimeAsync(2500);
  expect(programs.tests.get("w")).toBe("waits");
  server.hooks = [hook({ failed_at: 7 })];
  await vi.advanceTimersByTimeAsync(1500);
  expect(programs.tests.get("w")).toBe("failed");
  const n = asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBe(n);
});

test("a test of which nothing is heard is not waited for without end, nor after the page was closed", async () => {
  const { programs, asked } = begin();
  programs.test("w");
  await vi.waitFor(() => { expect(programs.tests.get("w")).toBe("waits"); });
  await vi.advanceTimersByTimeAsync(60_000);
  expect(programs.tests.get("w")).toBe("unknown");
  programs.test("w");
  await vi.advanceTimersByTimeAsync(1500);
  programs.close();
  const n = asked.length;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.length).toBeLessThanOrEqual(n + 1);
});

test("what came of a test is what is new in the list", () => {
  expect(outcomeOf(hook(), hook())).toBe("waits");
  expect(outcomeOf(hook({ delivered_at: 3 }), hook({ delivered_at: 3, failed_at: 9 }))).toBe("failed");
  expect(outcomeOf(hook({ failed_at: 9 }), hook({ delivered_at: 10, failed_at: 9 }))).toBe("arrived");
  expect(outcomeOf(undefined, hook({ delivered_at: 1 }))).toBe("arrived");
  expect(outcomeOf(hook(), undefined)).toBe("unknown");
});

test("what was delivered before the test is not taken for it", async () => {
  const { programs, server } = begin();
  programs.load();
  await vi.waitFor(() => { expect(programs.webhooks).toHaveLength(1); });
  server.hooks = [hook({ delivered_at: 5 })];
  programs.test("w");
  await vi.waitFor(() => { expect(programs.tests.get("w")).toBe("waits"); });
  await vi.advanceTimersByTimeAsync(1500);
  expect(programs.tests.get("w")).toBe("waits");
  server.hooks = [hook({ delivered_at: 9 })];
  await vi.advanceTimersByTimeAsync(1500);
  expect(programs.tests.get("w")).toBe("arrived");
});
