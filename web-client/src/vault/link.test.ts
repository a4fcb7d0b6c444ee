import { describe, expect, it } from "vitest";

import { decodeBase64url, encodeBase64url } from "./base64url";
import { isWellFormedLink } from "./link";

const SECRET = "A".repeat(43);
const PIN = "B".repeat(22);

describe("a link", () => {
  it("has a version, a secret and a pin", () => {
    expect(isWellFormedLink(`#1.${SECRET}.${PIN}`)).toBe(true);
    expect(isWellFormedLink(`1.${SECRET}.${PIN}`)).toBe(true);
  });

  it.each(["", "#", "#1", `#2.${SECRET}.${PIN}`, `#1.${SECRET}`, `#1.${SECRET.slice(1)}.${PIN}`, `#1.${SECRET}.${PIN}x`, `#1.${SECRET}.${PIN}\n`, `#1.${SECRET.slice(1)}=.${PIN}`])(
    "%j is none",
    (text) => {
      expect(isWellFormedLink(text)).toBe(false);
    },
  );
});

describe("base64url", () => {
  it("goes there and back without padding", () => {
    for (let length = 0; length < 40; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, i) => (i * 89 + length) & 255);
      const text = encodeBase64url(bytes);
      expect(text).toMatch(/^[A-Za-z0-9_-]*$/);
      expect(decodeBase64url(text)).toEqual(bytes);
    }
  });

  it.each(["a", "ab=", "ab+c", "ab/c", "ab c"])("refuses %j", (text) => {
    expect(decodeBase64url(text)).toBeNull();
  });
});
