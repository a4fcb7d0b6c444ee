// The counsellor's desk: what the server lists, opened with the keys of this device.
import type { Key } from "../i18n/en";
import type { Me, RoomView } from "../protocol/wire";
import { deskWord } from "../room/words";
import { api, Rejected, Unreachable } from "./api";
import type { VaultLink } from "./vault_link";
import { VaultRefusal } from "./vault_link";

/** A room with its title; `null` when it was made on another device. */
export interface DeskRoom {
  view: RoomView;
  title: string | null;
}

/** Where the desk is. */
export type DeskPlace = "loading" | "needs_setup" | "setup" | "setup_done" | "sign_in" | "offline" | "desk";

/** Life of a link, in seconds: a week. */
const LINK_LIFETIME = 7 * 24 * 60 * 60;

const REFRESH_MS = 5000;

/** The desk. */
export class Desk {
  place: DeskPlace = $state("loading");
  me: Me | null = $state.raw(null);
  rooms: readonly DeskRoom[] = $state.raw([]);
  /** The room that is looked at. */
  chosen: string | null = $state(null);
  /** Its link. */
  link: string | null = $state(null);
  error: Key | null = $state(null);
  busy = $state(false);
  /** Keys were made on this device just now, though the account is older. */
  keysMade = $state(false);

  private readonly titles = new Map<string, string | null>();
  private timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly vault: VaultLink,
    private readonly setupToken: string | null,
  ) {}

  get room(): DeskRoom | null {
    return this.rooms.find(({ view }) => view.room === this.chosen) ?? null;
  }

  /** Finds out where to begin. */
  async begin(): Promise<void> {
    try {
      const { needs_setup } = await api.state();
      if (this.setupToken !== null) {
        this.place = needs_setup ? "setup" : "setup_done";
      } else if (needs_setup) {
        this.place = "needs_setup";
      } else {
        await this.enter(await api.me());
      }
    } catch (thrown) {
      if (thrown instanceof Rejected) this.place = "sign_in";
      else if (thrown instanceof Unreachable) this.place = "offline";
      else throw thrown;
    }
  }

  setup(name: string, password: string): Promise<void> {
    return this.try(async () => {
      await this.enter(await api.setup({ token: this.setupToken ?? "", name, password }), true);
      history.replaceState(null, "", "/");
    });
  }

  signIn(name: string, password: string): Promise<void> {
    return this.try(async () => {
      await this.enter(await api.signIn({ name, password }));
      history.replaceState(null, "", "/");
    });
  }

  signOut(): Promise<void> {
    return this.try(async () => {
      await api.signOut();
      this.toSignIn();
    });
  }

  /** Makes a room and its first link, and looks at it. */
  create(title: string): Promise<void> {
    return this.try(async () => {
      const sealed_title = await this.vault.ask({ type: "seal_title", title });
      const view = await api.newRoom({ sealed_title });
      this.titles.set(view.sealed_title, title);
      await this.makeLink(view.room, 0, true);
      await this.refresh();
      await this.choose(view.room);
    });
  }

  /** Looks at a room. */
  async choose(room: string | null): Promise<void> {
    this.chosen = room;
    this.link = null;
    this.error = null;
    await this.showLink();
  }

  newLink(): Promise<void> {
    return this.try(async () => {
      const room = this.room;
      if (room === null) return;
      const number = 1 + Math.max(-1, ...room.view.invites.map((invite) => invite.number));
      await this.makeLink(room.view.room, number, false);
      await this.refresh();
      await this.showLink();
    });
  }

  revoke(): Promise<void> {
    return this.try(async () => {
      const invite = this.workingInvite();
      const room = this.chosen;
      if (invite === undefined || room === null) return;
      await this.vault.ask({ type: "revoke_link", room, number: invite.number });
      await api.revoke(invite.invite);
      this.link = null;
      await this.refresh();
    });
  }

  end(): Promise<void> {
    return this.try(async () => {
      if (this.chosen === null) return;
      await api.endRoom(this.chosen);
      this.chosen = null;
      await this.refresh();
    });
  }

  /** Numbers of the invites that still count. */
  numbers(): number[] {
    const invites = this.room?.view.invites ?? [];
    const dead = new Set(invites.filter(({ state }) => state === "revoked" || state === "expired").map(({ number }) => number));
    return Array.from({ length: 16 }, (_, number) => number).filter((number) => !dead.has(number));
  }

  /** A ticket for the room that is looked at. */
  async fetchTicket(room: string): Promise<{ ticket: string } | { retry: boolean }> {
    try {
      return await api.ticket(room);
    } catch (thrown) {
      const final = thrown instanceof Rejected && thrown.reject.code !== "internal" && thrown.reject.code !== "too_fast";
      return { retry: !final };
    }
  }

  /** Reads the list again. */
  async refresh(): Promise<void> {
    const views = await api.rooms();
    for (const view of views) {
      if (this.titles.has(view.sealed_title)) continue;
      this.titles.set(view.sealed_title, await this.vault.ask({ type: "open_title", sealed: view.sealed_title }));
    }
    const rooms = views.map((view) => ({ view, title: this.titles.get(view.sealed_title) ?? null }));
    this.rooms = rooms.sort((a, b) => b.view.created_at - a.view.created_at);
  }

  /** Signed out, by us or by time. */
  toSignIn(): void {
    clearInterval(this.timer);
    this.me = null;
    this.rooms = [];
    this.chosen = null;
    this.place = "sign_in";
  }

  private async enter(me: Me, isNew = false): Promise<void> {
    const { created } = await this.vault.ask({ type: "open_keys", account: me.account });
    this.me = me;
    await this.refresh();
    this.keysMade = created && !isNew;
    this.place = "desk";
    // Without this the browser may throw the keys away when its disk is full.
    navigator.storage.persist().catch(() => undefined);
    clearInterval(this.timer);
    this.timer = setInterval(() => void this.refreshQuietly(), REFRESH_MS);
  }

  private async refreshQuietly(): Promise<void> {
    try {
      await this.refresh();
    } catch (thrown) {
      if (thrown instanceof Rejected && thrown.reject.code === "not_signed_in") this.toSignIn();
    }
  }

  private workingInvite(): RoomView["invites"][number] | undefined {
    return this.room?.view.invites.find(({ state }) => state === "unused" || state === "used");
  }

  private async makeLink(room: string, from: number, first: boolean): Promise<void> {
    const made = await this.vault.ask({ type: "new_link", room, from, first });
    const expires_at = Math.floor(Date.now() / 1000) + LINK_LIFETIME;
    const { invite, number, server_auth_hash, wrapped_room_secret } = made;
    await api.newInvite(room, { invite, number, server_auth_hash, wrapped_room_secret, expires_at });
  }

  /** The link is ready before it is asked for: some browsers copy only right after a tap. */
  private async showLink(): Promise<void> {
    const room = this.room;
    const invite = this.workingInvite();
    if (room === null || room.title === null || invite === undefined) return;
    try {
      const { fragment } = await this.vault.ask({ type: "make_link", room: room.view.room, number: invite.number });
      if (this.chosen === room.view.room) this.link = `${location.origin}/j#${fragment.replace(/^#/, "")}`;
    } catch (thrown) {
      this.error = errorWord(thrown);
    }
  }

  private async try(work: () => Promise<void>): Promise<void> {
    this.error = null;
    this.busy = true;
    try {
      await work();
    } catch (thrown) {
      this.error = errorWord(thrown);
      if (thrown instanceof Rejected && thrown.reject.code === "not_signed_in") this.toSignIn();
    } finally {
      this.busy = false;
    }
  }
}

function errorWord(thrown: unknown): Key {
  if (thrown instanceof Rejected) return deskWord(thrown.reject);
  if (thrown instanceof Unreachable) return "error.unreachable";
  return thrown instanceof VaultRefusal ? "error.vault" : "error.internal";
}
