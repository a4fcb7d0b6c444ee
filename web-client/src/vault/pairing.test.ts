import { describe, expect, it } from "vitest";

import { decodeBase64url, encodeBase64url } from "./base64url";
import { handlesOf, newKeyBytes, openCopy, sealCopy } from "./key_bytes";
import { WHOLE } from "./numbers";
import { NewDevice, OldDevice } from "./pairing";

const ACCOUNT = "AAAAAAAAAAAAAAAAAAAAAA";
const OTHER = "BBBBBBBBBBBBBBBBBBBBBA";
const SHARE = { start: 8, width: 4 };

/** As far as the digits: both devices, and what they show. */
async function compared(accounts: { old?: string; new?: string } = {}): Promise<{ old: OldDevice; device: NewDevice; codes: [string, string] }> {
  const old = await OldDevice.begin(accounts.old ?? ACCOUNT);
  const device = await NewDevice.begin(accounts.new ?? ACCOUNT, old.fragment);
  const { answer, code } = await old.heard(device.hello);
  return { old, device, codes: [code, await device.answered(answer)] };
}

describe("keys on their way to a second device", () => {
  it("come there whole, and both show the same digits", async () => {
    const keys = await newKeyBytes();
    const { old, device, codes } = await compared();
    expect(codes[0]).toMatch(/^\d{6}$/);
    expect(codes[0]).toBe(codes[1]);
    expect(device.pairing).toBe(old.pairing);

    const opened = await device.open(await old.seal(keys, SHARE));
    expect(opened.keys).toEqual(keys);
    expect(opened.share).toEqual(SHARE);
    await expect(handlesOf(opened.keys)).resolves.toMatchObject({ identityPublic: keys.identityPublic });
  });

  it("are sealed in one length, whatever they are, and differently each time", async () => {
    const { old } = await compared();
    const one = await old.seal(await newKeyBytes(), SHARE);
    const two = await old.seal(await newKeyBytes(), WHOLE);
    expect(one).not.toBe(two);
    expect([one, two].map((text) => decodeBase64url(text)?.length)).toEqual([284, 284]);
  });

  it("open in no other account", async () => {
    const { old, device } = await compared({ new: OTHER });
    await expect(device.open(await old.seal(await newKeyBytes(), SHARE))).rejects.toThrow("pair_wrong");
  });

  it("open in no other pairing: neither a replay nor another parcel of the same device", async () => {
    const keys = await newKeyBytes();
    const [before, now] = [await compared(), await compared()];
    expect(now.device.pairing).not.toBe(before.device.pairing);
    await expect(now.device.open(await before.old.seal(keys, SHARE))).rejects.toThrow("pair_wrong");
    // The same code on the screen, used by a second device after the first.
    const late = await NewDevice.begin(ACCOUNT, now.old.fragment);
    await expect(now.old.heard(late.hello)).rejects.toThrow("pair_wrong");
    await expect(late.open(await now.old.seal(keys, SHARE))).rejects.toThrow("pair_wrong");
  });

  it("open neither cut nor changed", async () => {
    const { old, device } = await compared();
    const parcel = decodeBase64url(await old.seal(await newKeyBytes(), SHARE)) ?? new Uint8Array();
    for (const length of [0, 1, 12, 28, parcel.length - 1]) await expect(device.open(encodeBase64url(parcel.subarray(0, length)))).rejects.toThrow("pair_wrong");
    await expect(device.open(`${encodeBase64url(parcel)}AAAA`)).rejects.toThrow("pair_wrong");
    for (const at of [0, 11, 12, 100, parcel.length - 1]) {
      const bent = parcel.slice();
      bent[at] = (bent[at] ?? 0) ^ 1;
      await expect(device.open(encodeBase64url(bent))).rejects.toThrow("pair_wrong");
    }
    await expect(device.open(encodeBase64url(parcel))).resolves.toBeDefined();
  });

  it("do not open before the other device answered, and are not sealed before it came", async () => {
    const old = await OldDevice.begin(ACCOUNT);
    await expect(old.seal(await newKeyBytes(), SHARE)).rejects.toThrow("pair_wrong");
    const device = await NewDevice.begin(ACCOUNT, old.fragment);
    await expect(device.open("A".repeat(379))).rejects.toThrow("pair_wrong");
  });
});

describe("somebody in between who saw the code on the screen", () => {
  it("cannot answer in the place of the old device", async () => {
    const old = await OldDevice.begin(ACCOUNT);
    const device = await NewDevice.begin(ACCOUNT, old.fragment);
    const middle = await OldDevice.begin(ACCOUNT);
    const { answer } = await middle.heard(device.hello);
    await expect(device.answered(answer)).rejects.toThrow("pair_wrong");
  });

  it("shows other digits in the place of the new device", async () => {
    const old = await OldDevice.begin(ACCOUNT);
    const device = await NewDevice.begin(ACCOUNT, old.fragment);
    const middle = await NewDevice.begin(ACCOUNT, old.fragment);
    const { answer, code } = await old.heard(middle.hello);
    const [shown, theirs] = [await device.answered(answer), await middle.answered(answer)];
    expect(theirs).toBe(code);
    expect(shown).not.toBe(code);
    await expect(device.open(await old.seal(await newKeyBytes(), SHARE))).rejects.toThrow("pair_wrong");
  });

  it("opens nothing later, with the code and all that was sent: the ephemeral keys are gone", async () => {
    const old = await OldDevice.begin(ACCOUNT);
    const device = await NewDevice.begin(ACCOUNT, old.fragment);
    const { answer, code } = await old.heard(device.hello);
    await device.answered(answer);
    const parcel = await old.seal(await newKeyBytes(), SHARE);

    const thief = await NewDevice.begin(ACCOUNT, old.fragment);
    Reflect.set(Reflect.get(thief, "side") as object, "ownPoint", decodeBase64url(device.hello));
    expect(await thief.answered(answer)).toBe(code);
    await expect(thief.open(parcel)).rejects.toThrow("pair_wrong");
    await expect(device.open(parcel)).resolves.toBeDefined();
  });

  it("gets nowhere with keys that are none", async () => {
    const old = await OldDevice.begin(ACCOUNT);
    for (const hello of ["", "AAAA", "!", encodeBase64url(new Uint8Array(65)), encodeBase64url(new Uint8Array(66).fill(4))]) await expect(old.heard(hello)).rejects.toThrow("pair_wrong");
    const off = new Uint8Array(65).fill(1);
    off[0] = 4;
    await old.heard(encodeBase64url(off));
    await expect(old.seal(await newKeyBytes(), SHARE)).rejects.toThrow("pair_wrong");
  });

  it("reads links of one form only", async () => {
    const { fragment } = await OldDevice.begin(ACCOUNT);
    await expect(NewDevice.begin(ACCOUNT, `#${fragment}`)).resolves.toBeDefined();
    for (const link of ["", "pair.", fragment.slice(0, -1), `${fragment}A`, fragment.replace("pair.1", "pair.2"), fragment.replace("pair.1", "1")]) await expect(NewDevice.begin(ACCOUNT, link)).rejects.toThrow("pair_bad_link");
  });
});

describe("the sealed copy beside the handles", () => {
  it("opens for its account and for no other, and its key can do nothing else", async () => {
    const keys = await newKeyBytes();
    const copy = await sealCopy(keys, ACCOUNT);
    expect(await openCopy(copy, ACCOUNT)).toEqual(keys);
    await expect(openCopy(copy, OTHER)).rejects.toThrow("pair_no_copy");
    expect(copy.key.extractable).toBe(false);
    expect(copy.key.usages).toEqual(["decrypt"]);
  });

  it("lies beside handles that give nothing out", async () => {
    const { identity, root } = await handlesOf(await newKeyBytes());
    expect([identity.extractable, root.extractable]).toEqual([false, false]);
    await expect(crypto.subtle.exportKey("pkcs8", identity)).rejects.toThrow();
  });

  it("is not taken when its halves do not belong together", async () => {
    const [one, two] = [await newKeyBytes(), await newKeyBytes()];
    await expect(handlesOf({ ...one, identityPublic: two.identityPublic })).rejects.toThrow("pair_wrong");
  });
});
