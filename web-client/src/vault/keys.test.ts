import { afterEach, beforeEach, expect, test, vi } from "vitest";

import { newKeyBytes } from "./key_bytes";
import { CounsellorKeys } from "./keys";
import { WHOLE } from "./numbers";

const ACCOUNT = "AAAAAAAAAAAAAAAAAAAAAA";
const ROOM = "AAAAAAAAAAAAAAAAAAAAAA";

/** As much of IndexedDB as the keys use: transactions one after the other, each over as soon as nothing is asked in it. */
class FakeDatabase {
  readonly rows = new Map<string, unknown>();
  private last: Promise<void> = Promise.resolve();

  readonly open = (): IDBOpenDBRequest => answered(() => ({ transaction: () => this.transaction(), close: () => undefined })) as IDBOpenDBRequest;

  private transaction(): unknown {
    const asked: (() => void)[] = [];
    let isOver = false;
    const turn = (): Promise<void> => new Promise((resolve) => setTimeout(resolve));
    this.last = this.last.then(async () => {
      await turn();
      for (let next = asked.shift(); next !== undefined; next = asked.shift()) {
        next();
        await turn();
      }
      isOver = true;
    });
    const request = (work: () => unknown): unknown => {
      if (isOver) throw new DOMException("", "TransactionInactiveError");
      return answered(work, (run) => asked.push(run));
    };
    const store = {
      get: (key: string) => request(() => copyOf(this.rows.get(key))),
      getKey: (key: string) => request(() => (this.rows.has(key) ? key : undefined)),
      put: (value: unknown, key: string) => request(() => void this.rows.set(key, copyOf(value))),
      delete: (key: string) => request(() => void this.rows.delete(key)),
      count: ({ lower, upper }: { lower: string; upper: string }) => request(() => [...this.rows.keys()].filter((key) => key >= lower && key <= upper).length),
    };
    return { objectStore: () => store };
  }
}

const copyOf = (value: unknown): unknown => (typeof value === "object" ? { ...value } : value);

function answered(work: () => unknown, later: (run: () => void) => void = queueMicrotask): { onsuccess: (() => void) | null; result: unknown } {
  const request = { onsuccess: null as (() => void) | null, result: undefined as unknown };
  later(() => {
    request.result = work();
    request.onsuccess?.();
  });
  return request;
}

let database: FakeDatabase;
beforeEach(() => {
  database = new FakeDatabase();
  vi.stubGlobal("indexedDB", database);
  vi.stubGlobal("IDBKeyRange", { bound: (lower: string, upper: string) => ({ lower, upper }) });
});
afterEach(() => {
  vi.unstubAllGlobals();
});

const stored = (): Record<string, unknown> => database.rows.get(ACCOUNT) as Record<string, unknown>;

test("a tab with the keys of yesterday makes nothing with them, and does not write them back", async () => {
  const old = await CounsellorKeys.open(ACCOUNT);
  const brought = await newKeyBytes();
  await CounsellorKeys.bring(ACCOUNT, brought, WHOLE);
  const uses: (() => Promise<unknown>)[] = [
    () => old.takeNumber(ROOM, []),
    () => old.revoke(ROOM, 0),
    () => old.revoked(ROOM),
    () => old.hasLinks(ROOM),
    () => old.keepNote(ROOM, new Uint8Array([1])),
    () => old.sealTitle("Ana"),
    () => old.hasCopy(),
    () => old.forgetCopy(),
    () => old.lend(() => Promise.resolve()),
  ];
  for (const use of uses) await expect(use()).rejects.toThrow("keys_changed");
  expect(stored()["identityPublic"]).toEqual(brought.identityPublic);
  expect(stored()["copy"]).toBeDefined();
  expect([...database.rows.keys()]).toEqual([ACCOUNT]);
  // Loaded again it works.
  expect(await (await CounsellorKeys.open(ACCOUNT)).takeNumber(ROOM, [])).toBe(0);
});

test("a copy that was thrown away in one tab is gone in each", async () => {
  const [one, other] = [await CounsellorKeys.open(ACCOUNT), await CounsellorKeys.open(ACCOUNT)];
  expect(await other.hasCopy()).toBe(true);
  await one.forgetCopy();
  expect(await other.hasCopy()).toBe(false);
  const lent = vi.fn(() => Promise.resolve());
  await expect(other.lend(lent)).rejects.toThrow("pair_no_copy");
  expect(lent).not.toHaveBeenCalled();
  expect("copy" in stored()).toBe(false);
});

test("what one tab threw away, another one that lends at this moment does not write back", async () => {
  const [one, other] = [await CounsellorKeys.open(ACCOUNT), await CounsellorKeys.open(ACCOUNT)];
  await Promise.allSettled([other.lend(() => one.forgetCopy()), one.forgetCopy()]);
  expect("copy" in stored()).toBe(false);
});

test("two tabs that lend hand out different numbers of links, and give none of them themselves", async () => {
  const [one, other] = [await CounsellorKeys.open(ACCOUNT), await CounsellorKeys.open(ACCOUNT)];
  const numbersOf = ({ start, width }: { start: number; width: number }): number[] => Array.from({ length: width }, (_, n) => start + n);
  const lend = (keys: CounsellorKeys): Promise<number[]> => keys.lend((_, share) => Promise.resolve(numbersOf(share)));
  const [first, second] = await Promise.all([lend(one), lend(other)]);
  const own = [await one.takeNumber(ROOM, []), await other.takeNumber(ROOM, [])];
  const all = [...first, ...second, ...own];
  expect(new Set(all).size).toBe(all.length);
});

test("keys that make their first link at this moment are not replaced", async () => {
  const old = await CounsellorKeys.open(ACCOUNT);
  const brought = await newKeyBytes();
  const [link, bring] = await Promise.allSettled([old.takeNumber(ROOM, []), CounsellorKeys.bring(ACCOUNT, brought, WHOLE)]);
  // Whichever was first: a link never lies beside keys that did not make it.
  const isKept = JSON.stringify(stored()["identityPublic"]) === JSON.stringify(old.identityPublic);
  expect([link.status, bring.status]).toEqual(isKept ? ["fulfilled", "rejected"] : ["rejected", "fulfilled"]);
});
