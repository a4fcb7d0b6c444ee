import { beforeEach, describe, expect, it, vi } from "vitest";

import type { ToVault } from "../vault/messages";
import { deviceFor } from "./device";
import { Socket } from "./socket";
import { VaultLink, VaultRefusal } from "./vault_link";

class FakeWebSocket {
  static readonly OPEN = 1;
  static readonly made: FakeWebSocket[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  readonly sent: string[] = [];

  constructor(
    readonly url: string,
    readonly subprotocol: string,
  ) {
    FakeWebSocket.made.push(this);
  }

  send(text: string): void {
    this.sent.push(text);
  }

  close(): void {
    this.readyState = 2;
  }
}

describe("a socket", () => {
  const said: string[] = [];
  const events = { opened: () => void said.push("opened"), received: (text: string) => void said.push(text), closed: (code: number) => void said.push(`closed ${code}`) };

  beforeEach(() => {
    said.length = 0;
    FakeWebSocket.made.length = 0;
    vi.stubGlobal("WebSocket", FakeWebSocket);
    vi.stubGlobal("location", { protocol: "https:", host: "a.example" });
  });

  const connect = (): { socket: Socket; wire: FakeWebSocket } => {
    const socket = new Socket(events);
    socket.connect();
    const wire = FakeWebSocket.made.at(-1);
    if (wire === undefined) throw new Error("no connection was opened");
    return { socket, wire };
  };

  it("speaks our subprotocol, and text only", () => {
    const { socket, wire } = connect();
    expect([wire.url, wire.subprotocol]).toEqual(["wss://a.example/ws", "aman.v1"]);
    socket.send("too early");
    wire.readyState = 1;
    wire.onopen?.();
    socket.send("hello");
    wire.onmessage?.({ data: "text" });
    wire.onmessage?.({ data: new ArrayBuffer(1) });
    expect(wire.sent).toEqual(["hello"]);
    expect(said).toEqual(["opened", "text"]);
  });

  it("reports its end, also after it was asked to close", () => {
    const { socket, wire } = connect();
    socket.close();
    wire.onclose?.({ code: 0 });
    expect(said).toEqual(["closed 1006"]);
  });

  it("hears nothing more from a former connection", () => {
    const { socket, wire } = connect();
    socket.connect();
    wire.onopen?.();
    wire.onmessage?.({ data: "late" });
    wire.onclose?.({ code: 1000 });
    expect(said).toEqual([]);
  });
});

describe("the line to the vault", () => {
  const worker = (answer: (message: ToVault) => unknown): Worker => {
    const fake = {
      onmessage: null as ((event: { data: unknown }) => void) | null,
      postMessage(message: ToVault) {
        const data = answer(message);
        if (data !== undefined) queueMicrotask(() => fake.onmessage?.({ data }));
      },
    };
    return fake as unknown as Worker;
  };

  it("brings each answer to its question", async () => {
    const link = new VaultLink(worker((message) => (message.type === "ask" ? { type: "answer", id: message.id, value: `${message.question.type} ${message.id}` } : undefined)));
    const answers = await Promise.all([link.ask({ type: "seal_title", title: "a" }), link.ask({ type: "open_title", sealed: "b" })]);
    expect(answers).toEqual(["seal_title 1", "open_title 2"]);
  });

  it("brings a refusal with its code", async () => {
    const link = new VaultLink(worker((message) => (message.type === "ask" ? { type: "refused", id: message.id, code: "no_keys" } : undefined)));
    await expect(link.ask({ type: "counters" })).rejects.toEqual(new VaultRefusal("no_keys"));
  });
});

describe("the device", () => {
  beforeEach(() => {
    const kept = new Map<string, string>();
    vi.stubGlobal("sessionStorage", { getItem: (key: string) => kept.get(key) ?? null, setItem: (key: string, value: string) => void kept.set(key, value) });
  });

  it("is the same for one link in one tab, and another for another link", () => {
    const first = deviceFor("a");
    expect(first).toHaveLength(16);
    expect(deviceFor("a")).toEqual(first);
    expect(deviceFor("b")).not.toEqual(first);
  });

  it("is made anew when what was kept is nonsense, or nothing can be kept", () => {
    sessionStorage.setItem("aman-device-a", "1,2,999");
    expect(deviceFor("a")).toHaveLength(16);
    vi.stubGlobal("sessionStorage", undefined);
    expect(deviceFor("a")).toHaveLength(16);
  });
});
