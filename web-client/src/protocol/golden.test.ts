// Whether the golden messages of Rust are messages to TypeScript: the compiler holds golden.ts
// against the types, and here it is the same document that Rust reads.
import { describe, expect, it } from "vitest";
import text from "../../../tests/vectors/wire.json?raw";
import { golden } from "./golden";

const vectors: unknown = JSON.parse(text);

describe("golden messages", () => {
  it("are those that Rust reads", () => {
    expect(golden).toEqual(vectors);
  });

  it("keep participant ids whole, beyond what a number can hold", () => {
    const gone = golden.server.find((message) => message.type === "gone");
    expect(gone?.participant).toBe("18446744073709551614");
    expect(JSON.parse(JSON.stringify(gone))).toEqual(gone);
  });

  it("number the client's messages from one", () => {
    expect(golden.client.map((message) => message.n)).toEqual(golden.client.map((_, i) => i + 1));
  });
});
