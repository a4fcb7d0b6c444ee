import { describe, expect, it } from "vitest";

import { Drawer, DRAWER_TEXT_MAX } from "./drawer";
import { memoryShelf } from "./shelf";

describe("the drawer", () => {
  it("gives back what was put in, also to another tab", async () => {
    const shelf = memoryShelf();
    await new Drawer(shelf, "ana").write("note/1", { text: "سلام" });
    expect(await new Drawer(shelf, "ana").read("note/1")).toEqual({ text: "سلام" });
    expect(await new Drawer(shelf, "ana").read("note/2")).toBeNull();
  });

  it("keeps no plain text, and a key that cannot be read", async () => {
    const shelf = memoryShelf();
    await new Drawer(shelf, "ana").write("note/1", "the secret word");
    const { bytes } = (await shelf.get("sealed/ana/note/1")) as { bytes: ArrayBuffer };
    expect(new TextDecoder().decode(bytes)).not.toContain("secret");
    const key = (await shelf.get("key/ana")) as CryptoKey;
    expect(key.extractable).toBe(false);
  });

  it("does not open what was moved to another place", async () => {
    const shelf = memoryShelf();
    const drawer = new Drawer(shelf, "ana");
    await drawer.write("note/1", "for the first");
    await shelf.put("sealed/ana/note/2", await shelf.get("sealed/ana/note/1"));
    expect(await drawer.read("note/2")).toBeNull();
  });

  it("is apart for each account", async () => {
    const shelf = memoryShelf();
    await new Drawer(shelf, "ana").write("profile", "Ana");
    expect(await new Drawer(shelf, "ben").read("profile")).toBeNull();
    expect(await new Drawer(shelf, "ben").places("")).toEqual([]);
  });

  it("is emptied by the beginning of the places", async () => {
    const drawer = new Drawer(memoryShelf(), "ana");
    for (const place of ["record/1", "record/2", "profile"]) await drawer.write(place, place);
    await drawer.wipe("record/");
    expect(await drawer.places("")).toEqual(["profile"]);
  });

  it("is destroyed with its key, and begins anew", async () => {
    const shelf = memoryShelf();
    const drawer = new Drawer(shelf, "ana");
    await drawer.write("profile", "Ana");
    const old = await shelf.get("sealed/ana/profile");
    await drawer.destroy();
    expect(await shelf.names("")).toEqual([]);

    await drawer.write("preset", "hello");
    await shelf.put("sealed/ana/profile", old);
    expect([await drawer.read("preset"), await drawer.read("profile")]).toEqual(["hello", null]);
  });

  it("refuses what is longer than anybody writes", async () => {
    const drawer = new Drawer(memoryShelf(), "ana");
    await expect(drawer.write("note/1", "x".repeat(DRAWER_TEXT_MAX))).rejects.toThrow("too_long");
  });

  it("makes one key when two tabs write at once", async () => {
    const shelf = memoryShelf();
    const [one, other] = [new Drawer(shelf, "ana"), new Drawer(shelf, "ana")];
    await Promise.all([one.write("a", 1), other.write("b", 2)]);
    expect([await other.read("a"), await one.read("b")]).toEqual([1, 2]);
  });
});
