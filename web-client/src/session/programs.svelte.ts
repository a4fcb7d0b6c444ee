// Programs of the counsellor's: their keys, and the addresses that are told what happens.
// A secret is here from the moment it was made until the person has kept it, and nowhere else.
import type { HookEvent, KeyScope, KeyView, MadeKey, MadeWebhook, NewKey, NewWebhook, WebhookView } from "../protocol/wire";
import { request } from "./api";

/** What a key may be used for, in the order of the page. */
export const SCOPES = ["sessions:read", "sessions:write", "invites:write", "accounts:read"] as const satisfies readonly KeyScope[];

/** What a webhook can tell, in the order of the page. */
export const EVENTS = ["session.knocked", "session.started", "session.ended", "invite.used"] as const satisfies readonly HookEvent[];

/** How a test came out. */
export type TestOutcome = "waits" | "arrived" | "failed" | "unknown";

/** Most letters of a label: the server counts 64 bytes, of which a letter here has up to three. */
export const LABEL_CHARACTERS_MAX = 21;

/** How often, and how many times, it is looked how a test came out: longer than the server tries. */
const LOOK_MS = 1000;
const LOOKS_MAX = 15;

/** The server's HTTP interface to programs. */
const api = {
  keys: () => request("GET", "keys") as Promise<KeyView[]>,
  makeKey: (key: NewKey) => request("POST", "keys", key) as Promise<MadeKey>,
  revoke: (key: string) => request("DELETE", `keys/${key}`),
  webhooks: () => request("GET", "webhooks") as Promise<WebhookView[]>,
  makeWebhook: (webhook: NewWebhook) => request("POST", "webhooks", webhook) as Promise<MadeWebhook>,
  remove: (webhook: string) => request("DELETE", `webhooks/${webhook}`),
  test: (webhook: string) => request("POST", `webhooks/${webhook}/test`),
};

/** Does something for the account: asks the password again where it must, shows what went wrong. */
export type Attempt = (work: () => Promise<void>) => void;

/** What the page of programs shows. */
export interface ProgramsModel {
  readonly keys: readonly KeyView[] | null;
  readonly webhooks: readonly WebhookView[];
  /** A secret, shown once. */
  readonly made: { kind: "key" | "webhook"; secret: string } | null;
  readonly tests: ReadonlyMap<string, TestOutcome>;
  kept: () => void;
  makeKey: (key: NewKey) => void;
  revoke: (key: string) => void;
  makeWebhook: (webhook: NewWebhook) => void;
  remove: (webhook: string) => void;
  test: (webhook: string) => void;
}

/** The programs of whoever is signed in. */
export class Programs implements ProgramsModel {
  keys: readonly KeyView[] | null = $state.raw(null);
  webhooks: readonly WebhookView[] = $state.raw([]);
  made: { kind: "key" | "webhook"; secret: string } | null = $state.raw(null);
  tests: ReadonlyMap<string, TestOutcome> = $state.raw(new Map());
  private isClosed = false;

  constructor(private readonly attempt: Attempt) {}

  load(): void {
    this.attempt(() => this.look());
  }

  /** Nothing is looked for any more, and no secret is kept. */
  close(): void {
    this.isClosed = true;
    this.made = null;
  }

  kept = (): void => {
    this.made = null;
  };

  makeKey = (key: NewKey): void => {
    this.attempt(async () => {
      const { secret } = await api.makeKey(key);
      this.made = { kind: "key", secret };
      await this.look();
    });
  };

  revoke = (key: string): void => {
    this.attempt(async () => {
      await api.revoke(key);
      await this.look();
    });
  };

  makeWebhook = (webhook: NewWebhook): void => {
    this.attempt(async () => {
      const { secret } = await api.makeWebhook(webhook);
      this.made = { kind: "webhook", secret };
      await this.look();
    });
  };

  remove = (webhook: string): void => {
    this.attempt(async () => {
      await api.remove(webhook);
      await this.look();
    });
  };

  test = (webhook: string): void => {
    this.attempt(async () => {
      // Of now: something real may have been delivered since the page was loaded.
      this.webhooks = await api.webhooks();
      const before = this.webhooks.find((one) => one.webhook === webhook);
      await api.test(webhook);
      this.note(webhook, "waits");
      void this.follow(webhook, before).catch(() => { this.note(webhook, "unknown"); });
    });
  };

  private async look(): Promise<void> {
    const [keys, webhooks] = await Promise.all([api.keys(), api.webhooks()]);
    this.keys = keys;
    this.webhooks = webhooks;
  }

  private note(webhook: string, outcome: TestOutcome): void {
    this.tests = new Map(this.tests).set(webhook, outcome);
  }

  /** Until the list says something new of it. */
  private async follow(webhook: string, before: WebhookView | undefined): Promise<void> {
    for (let n = 0; n < LOOKS_MAX && !this.isClosed; n += 1) {
      await new Promise((done) => setTimeout(done, LOOK_MS));
      this.webhooks = await api.webhooks();
      const now = this.webhooks.find((one) => one.webhook === webhook);
      const outcome = outcomeOf(before, now);
      if (outcome === "waits") continue;
      this.note(webhook, outcome);
      return;
    }
    this.note(webhook, "unknown");
  }
}

/** What became of a test, from what the list said before and says now. */
export function outcomeOf(before: Pick<WebhookView, "delivered_at" | "failed_at"> | undefined, now: Pick<WebhookView, "delivered_at" | "failed_at"> | undefined): TestOutcome {
  if (now === undefined) return "unknown";
  if (now.delivered_at !== (before?.delivered_at ?? null)) return "arrived";
  return now.failed_at === (before?.failed_at ?? null) ? "waits" : "failed";
}
