// The page's end of the line to the vault.
import type { Input, Output } from "../protocol/participant";
import type { Answers, FromVault, Question, ToVault } from "../vault/messages";

/** A question the vault refused, with its stable code. */
export class VaultRefusal extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** Talks to the vault. */
export class VaultLink {
  /** Takes the orders of the participant core. */
  onOutput: (output: Output) => void = () => undefined;
  /** The vault cannot go on. */
  onFailed: (code: string) => void = () => undefined;

  private readonly waiting = new Map<number, { resolve: (value: never) => void; reject: (refusal: VaultRefusal) => void }>();
  private onLink: ((link: { well_formed: boolean; tag: string }) => void) | undefined;
  private nextId = 1;

  constructor(readonly worker: Worker) {
    worker.onmessage = (event: MessageEvent<FromVault>) => {
      this.take(event.data);
    };
    worker.onerror = () => {
      this.onFailed("vault_crashed");
    };
  }

  /** Hands the fragment over. */
  giveLink(fragment: string): Promise<{ well_formed: boolean; tag: string }> {
    return new Promise((resolve) => {
      this.onLink = resolve;
      this.send({ type: "link", fragment });
    });
  }

  /** Brings an input to the participant core. */
  input(input: Input): void {
    this.send({ type: "input", input });
  }

  /** Sends a message that is not answered. */
  send(message: ToVault): void {
    this.worker.postMessage(message);
  }

  /** Asks, and waits for the answer. */
  ask<Q extends Question>(question: Q): Promise<Answers[Q["type"]]> {
    const id = this.nextId;
    this.nextId += 1;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.send({ type: "ask", id, question });
    });
  }

  private take(message: FromVault): void {
    switch (message.type) {
      case "link":
        this.onLink?.(message);
        return;
      case "output":
        this.onOutput(message.output);
        return;
      case "answer":
        this.waiting.get(message.id)?.resolve(message.value as never);
        this.waiting.delete(message.id);
        return;
      case "refused":
        this.waiting.get(message.id)?.reject(new VaultRefusal(message.code));
        this.waiting.delete(message.id);
        return;
      case "failed":
        this.onFailed(message.code);
        return;
    }
  }
}
