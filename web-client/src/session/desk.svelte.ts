// The counsellor's desk: what the server lists, opened with the keys of this device.
import type { Details, Series } from "../desk/details";
import { detailsFit, readDetails, writeDetails } from "../desk/details";
import { Drawer } from "../desk/drawer";
import type { Profile } from "../desk/profile";
import { keepPreset, keepProfile, readPreset, readProfile } from "../desk/profile";
import type { SessionRecord } from "../desk/records";
import { allRecords, keepRecord, wipeRecord } from "../desk/records";
import { isNear, linkEnd, pollDelay, weekly } from "../desk/schedule";
import { browserShelf } from "../desk/shelf";
import type { Key } from "../i18n/en";
import type { Lang } from "../i18n/format";
import type { InvitationView, InviteView, Me, RoomKind, RoomView, ServerState } from "../protocol/wire";
import { writeCard } from "../room/card";
import { deskWord } from "../room/words";
import { accountWord } from "./account.svelte";
import { accountApi } from "./account_api";
import { api, Rejected, Unreachable } from "./api";
import { NewSide, OldSide, stop as stopPairing } from "./pairing.svelte";
import { NoPasskey, usePasskey } from "./passkey";
import type { Returned } from "./provider";
import { leaveFor, providerWord } from "./provider";
import type { VaultLink } from "./vault_link";
import { VaultRefusal } from "./vault_link";

/** A room with its title and details; `null` when it was made on another device. */
export interface DeskRoom {
  view: RoomView;
  title: string | null;
  details: Details | null;
}

/** What the counsellor wants an appointment to be. */
export interface Plan {
  title: string;
  note: string;
  lang: Lang;
  starts_at: number | null;
  minutes: number | null;
  kind: RoomKind;
  reusable: boolean;
  /** How many of them, one a week. */
  weeks: number;
}

/** Where the desk is. */
export type DeskPlace = "loading" | "needs_setup" | "setup" | "setup_done" | "invitation" | "sign_in" | "second_step" | "set_up_factor" | "pairing" | "offline" | "account" | "desk";

/** An invite by which somebody may still come. */
export function isWorking({ state }: InviteView): boolean {
  return state !== "revoked" && state !== "expired";
}

/** The desk. */
export class Desk {
  place: DeskPlace = $state("loading");
  me: Me | null = $state.raw(null);
  rooms: readonly DeskRoom[] = $state.raw([]);
  /** The room that is looked at. */
  chosen: string | null = $state(null);
  /** Its link. */
  link: string | null = $state(null);
  /** Where the operator's link leads; `null` while that is not known, or when it leads nowhere. */
  invitation: InvitationView | null = $state.raw(null);
  error: Key | null = $state(null);
  busy = $state(false);
  /** What the operator set. */
  settings: ServerState | null = $state.raw(null);
  /** What stays on this device, sealed. */
  drawer: Drawer | null = $state.raw(null);
  profile: Profile = $state.raw({ name: "", role: "", agency: "", registration: "", words: "" });
  /** What everybody who waits is told first. */
  preset = $state("");
  records: readonly SessionRecord[] = $state.raw([]);
  /** Keys were made on this device just now, though the account is older. */
  keysMade = $state(false);
  /** The keys of another device, on their way to this one. */
  pairing: NewSide | null = $state.raw(null);

  private readonly known = new Map<string, Details | null>();
  private timer: ReturnType<typeof setTimeout> | undefined;
  private failures = 0;

  constructor(
    private readonly vault: VaultLink,
    private readonly setupToken: string | null,
    /** What the code on the screen of another device led to. */
    private pairLink: string | null = null,
    /** What the agency's own sign-in sent this browser back with. */
    private returned: Returned | null = null,
  ) {}

  /** What the link of the operator carries, if this is one. */
  private get invitationToken(): string | null {
    return this.setupToken?.startsWith("i.") === true ? this.setupToken.slice(2) : null;
  }

  private get isIn(): boolean {
    return this.place === "desk" || this.place === "account";
  }

  get room(): DeskRoom | null {
    return this.rooms.find(({ view }) => view.room === this.chosen) ?? null;
  }

  /** Finds out where to begin. */
  async begin(): Promise<void> {
    try {
      this.settings = await api.state();
      const { needs_setup } = this.settings;
      const invited = this.invitationToken;
      if (invited !== null) {
        this.invitation = await accountApi.openInvitation(invited);
        this.place = "invitation";
      } else if (this.setupToken !== null) {
        this.place = needs_setup ? "setup" : "setup_done";
      } else if (needs_setup) {
        this.place = "needs_setup";
      } else if (!(await this.comeBack())) {
        await this.enter(await api.me());
      }
    } catch (thrown) {
      if (this.invitationToken !== null && !(thrown instanceof Unreachable)) this.place = "invitation";
      else if (thrown instanceof Rejected) this.place = "sign_in";
      else if (thrown instanceof Unreachable) this.place = "offline";
      else throw thrown;
    }
  }

  setup(name: string, password: string): Promise<boolean> {
    return this.try(async () => {
      await this.enter(await api.setup({ token: this.setupToken ?? "", name, password }), true);
      history.replaceState(null, "", "/");
    });
  }

  signIn(name: string, password: string): Promise<boolean> {
    return this.try(async () => {
      await this.enter(await api.signIn({ name, password }));
      history.replaceState(null, "", "/");
    });
  }

  /** The second step: a code of the app, or a recovery code. */
  signInCode(code: string): Promise<boolean> {
    return this.try(async () => this.enter(await accountApi.code({ code })));
  }

  /** A passkey is enough. */
  signInPasskey(): Promise<boolean> {
    return this.try(async () => {
      await this.enter(await accountApi.signInPasskey(await usePasskey(await accountApi.signInChallenge())));
      history.replaceState(null, "", "/");
    });
  }

  /** Goes to the agency's own sign-in; with a name, to take the operator's link up that way. */
  signInProvider(name: string | null = null): Promise<boolean> {
    return this.try(async () => {
      const token = this.invitationToken;
      const invitation = name === null || token === null ? null : { token, name };
      leaveFor(await accountApi.beginProvider({ invitation }));
    }, providerWord);
  }

  /** From the agency's own sign-in, if this is where the browser comes from. */
  private async comeBack(): Promise<boolean> {
    const returned = this.returned;
    this.returned = null;
    if (returned === null) return false;
    if (returned !== "refused") return this.try(async () => this.enter(await accountApi.answerProvider(returned)), providerWord);
    this.error = "provider.cancelled";
    return false;
  }

  /** Takes the operator's link up. */
  accept(name: string, password: string): Promise<boolean> {
    return this.try(async () => {
      const isNew = this.invitation?.name === null;
      await this.enter(await accountApi.accept({ token: this.invitationToken ?? "", name, password }), isNew);
      history.replaceState(null, "", "/");
    });
  }

  /** Goes on once a factor was added that was missing. */
  factorAdded(me: Me): void {
    this.me = me;
  }

  /** From the page of the account to the list. */
  async leaveAccount(): Promise<void> {
    if (this.place === "account") this.place = "desk";
    else if (this.me !== null) await this.try(async () => this.enter(await api.me()));
  }

  /** Looks at one's own account. */
  openAccount(): void {
    this.place = "account";
  }

  /** The device that has the keys, for the page of the account. */
  oldSide(): OldSide {
    return new OldSide(this.vault);
  }

  /** Goes on with whatever keys there are, or with new ones. */
  leavePairing(): Promise<boolean> {
    this.pairing?.leave();
    this.pairing = null;
    this.pairLink = null;
    return this.try(async () => this.enter(await api.me()));
  }

  signOut(): Promise<boolean> {
    return this.try(async () => {
      await api.signOut();
      this.toSignIn();
    });
  }

  /** Makes a room and its first link, or one for each week, and looks at the first. */
  create(plan: Plan): Promise<boolean> {
    return this.try(async () => {
      const { starts_at, weeks } = plan;
      const times = starts_at === null ? [null] : weekly(starts_at, weeks);
      const id = Array.from(crypto.getRandomValues(new Uint8Array(6)), (byte) => (byte % 36).toString(36)).join("");
      let first: string | null = null;
      for (const [index, at] of times.entries()) {
        const series = times.length === 1 ? null : { id, n: index + 1, of: times.length };
        first ??= await this.makeRoom({ ...plan, starts_at: at }, series);
        if (index > 0) await this.makeRoom({ ...plan, starts_at: at }, series);
      }
      await this.refresh();
      await this.choose(first);
    });
  }

  /** Changes the appointment that is looked at. */
  change(plan: Plan): Promise<boolean> {
    return this.try(async () => {
      const room = this.room;
      if (room === null) return;
      const { starts_at, minutes, kind, reusable } = plan;
      const sealed_title = await this.seal(plan, room.details?.series ?? null);
      await api.changeRoom(room.view.room, { sealed_title, starts_at, minutes, kind, reusable });
      await this.refresh();
    });
  }

  /** Looks at a room. */
  async choose(room: string | null): Promise<void> {
    this.chosen = room;
    this.link = null;
    this.error = null;
    await this.showLink();
  }

  newLink(): Promise<boolean> {
    return this.try(async () => {
      const room = this.room;
      if (room === null) return;
      await this.makeLink(room.view, false);
      await this.refresh();
      await this.showLink();
    });
  }

  /** One more link for a room, for one more person. */
  async extraLink(room: string): Promise<string | null> {
    const view = this.rooms.find((one) => one.view.room === room)?.view;
    if (view === undefined) return null;
    try {
      const fragment = await this.makeLink(view, false);
      await this.refresh();
      return addressOf(fragment);
    } catch {
      return null;
    }
  }

  async saveProfile(profile: Profile): Promise<boolean> {
    this.profile = profile;
    return this.keep((drawer) => keepProfile(drawer, profile));
  }

  async savePreset(text: string): Promise<boolean> {
    this.preset = text;
    return this.keep((drawer) => keepPreset(drawer, text));
  }

  /** Keeps a record on this device; its notes are then in the past. */
  saveRecord(record: SessionRecord): Promise<boolean> {
    return this.keep((drawer) => keepRecord(drawer, record));
  }

  wipeRecord(id: string): Promise<boolean> {
    return this.keep((drawer) => wipeRecord(drawer, id));
  }

  /** Everything that is kept on this device but the keys. */
  async wipeAll(): Promise<boolean> {
    const worked = await this.keep((drawer) => drawer.destroy());
    await this.readDrawer();
    return worked;
  }

  /** Takes a link back: the one that is shown, or another of the room. */
  revoke(number?: number): Promise<boolean> {
    return this.try(async () => {
      const invite = number === undefined ? this.workingInvite() : this.room?.view.invites.find((one) => one.number === number);
      const room = this.chosen;
      if (invite === undefined || room === null) return;
      await this.vault.ask({ type: "revoke_link", room, number: invite.number });
      await api.revoke(invite.invite);
      if (invite === this.workingInvite()) this.link = null;
      await this.refresh();
      if (this.link === null) await this.showLink();
    });
  }

  end(): Promise<boolean> {
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
    const dead = new Set(invites.filter((invite) => !isWorking(invite)).map(({ number }) => number));
    return Array.from({ length: 16 }, (_, number) => number).filter((number) => !dead.has(number));
  }

  /** The next appointment of the same series, in time. */
  next(): DeskRoom | null {
    const here = this.room;
    const series = here?.details?.series;
    if (here === null || series === undefined || series === null) return null;
    const after = this.rooms.filter(({ details }) => details?.series?.id === series.id && details.series.n > series.n);
    return after.sort((a, b) => (a.details?.series?.n ?? 0) - (b.details?.series?.n ?? 0))[0] ?? null;
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
    for (const { sealed_title: sealed } of views) {
      if (this.known.has(sealed)) continue;
      const opened = await this.vault.ask({ type: "open_title", sealed });
      this.known.set(sealed, opened === null ? null : readDetails(opened));
    }
    const rooms = views.map((view) => {
      const details = this.known.get(view.sealed_title) ?? null;
      return { view, details, title: details?.title ?? null };
    });
    this.rooms = rooms.sort((a, b) => b.view.created_at - a.view.created_at);
  }

  /** The page is looked at again: the list is read now and not when it would be due. */
  wake(): void {
    if (this.isIn) void this.poll();
  }

  /** Signed out, by us or by time. */
  toSignIn(): void {
    clearTimeout(this.timer);
    this.pairing?.leave();
    this.pairing = null;
    stopPairing(this.vault);
    this.me = null;
    this.rooms = [];
    this.known.clear();
    this.chosen = null;
    this.link = null;
    this.drawer = null;
    this.records = [];
    this.preset = "";
    this.place = "sign_in";
  }

  private async enter(me: Me, isNew = false): Promise<void> {
    if (me.step !== "done") {
      this.me = me;
      this.place = me.step === "second_factor" ? "second_step" : "set_up_factor";
      return;
    }
    if (this.pairLink !== null) {
      void this.pair(me, this.pairLink);
      return;
    }
    const { created } = await this.vault.ask({ type: "open_keys", account: me.account });
    this.me = me;
    this.drawer = new Drawer(browserShelf(), me.account);
    await Promise.all([this.refresh(), this.readDrawer()]);
    this.keysMade = created && !isNew;
    this.place = "desk";
    // Without this the browser may throw the keys away when its disk is full.
    navigator.storage.persist().catch(() => undefined);
    this.waitToPoll();
  }

  /** Takes the keys of another device before any are made here. */
  private async pair(me: Me, link: string): Promise<void> {
    const pairing = new NewSide(this.vault, me.account, link);
    this.me = me;
    this.pairing = pairing;
    this.place = "pairing";
    if (!(await pairing.run()) || this.pairing !== pairing) return;
    this.pairLink = null;
  }

  /** What was kept here. A browser that keeps nothing is no reason to stay out. */
  private async readDrawer(): Promise<void> {
    const { drawer, me } = this;
    if (drawer === null || me === null) return;
    const empty = { name: me.name, role: "", agency: this.settings?.agency ?? "", registration: "", words: "" };
    const [profile, preset, records] = await Promise.all([
      readProfile(drawer, empty).catch(() => empty),
      readPreset(drawer).catch(() => ""),
      allRecords(drawer).catch(() => []),
    ]);
    if (this.drawer === drawer) Object.assign(this, { profile, preset, records });
  }

  private async keep(work: (drawer: Drawer) => Promise<void>): Promise<boolean> {
    const drawer = this.drawer;
    if (drawer === null) return false;
    try {
      await work(drawer);
      this.records = await allRecords(drawer);
      return true;
    } catch {
      return false;
    }
  }

  private waitToPoll(): void {
    clearTimeout(this.timer);
    if (!this.isIn) return;
    const now = new Date();
    const busy = this.rooms.some(({ view }) => view.live || view.n_waiting > 0 || isNear(view.starts_at, view.minutes, now)) || this.chosen !== null;
    this.timer = setTimeout(() => void this.poll(), pollDelay({ hidden: document.hidden, failures: this.failures, busy }));
  }

  private async poll(): Promise<void> {
    clearTimeout(this.timer);
    try {
      await this.refresh();
      this.failures = 0;
    } catch (thrown) {
      this.failures += 1;
      if (thrown instanceof Rejected && thrown.reject.code === "not_signed_in") this.toSignIn();
    }
    this.waitToPoll();
  }

  private workingInvite(): InviteView | undefined {
    return this.room?.view.invites.find(isWorking);
  }

  private async makeRoom(plan: Plan, series: Series | null): Promise<string> {
    const { starts_at, minutes, kind, reusable } = plan;
    const view = await api.newRoom({ sealed_title: await this.seal(plan, series), starts_at, minutes, kind, reusable });
    await this.makeLink(view, true);
    return view.room;
  }

  private async seal({ title, note, lang }: Plan, series: Series | null): Promise<string> {
    const details: Details = { title, note, lang, series };
    if (!detailsFit(details)) throw new TooLong();
    const sealed = await this.vault.ask({ type: "seal_title", title: writeDetails(details) });
    this.known.set(sealed, details);
    return sealed;
  }

  private async makeLink(view: RoomView, first: boolean): Promise<string> {
    for (let tries = 1; ; tries += 1) {
      const taken = view.invites.map(({ number }) => number);
      const made = await this.vault.ask({ type: "new_link", room: view.room, taken, first: first && tries === 1 });
      const expires_at = linkEnd(view.starts_at, view.minutes, new Date());
      const { invite, number, server_auth_hash, wrapped_room_secret, fragment } = made;
      const sealed_card = await this.sealCard(view, number);
      try {
        await api.newInvite(view.room, { invite, number, server_auth_hash, wrapped_room_secret, expires_at, sealed_card });
        return fragment;
      } catch (thrown) {
        // Another device gave the same number at the same moment: the next one is taken.
        const isTaken = thrown instanceof Rejected && thrown.reject.code === "malformed";
        if (!isTaken || tries === LINK_TRIES) throw thrown;
      }
    }
  }

  /** The card for a link. Words that take too much room are left out rather than the link. */
  private async sealCard({ room, sealed_title }: RoomView, number: number): Promise<string> {
    const lang = this.known.get(sealed_title)?.lang ?? null;
    const cards = [this.profile, { ...this.profile, words: "" }, { name: this.profile.name, role: "", agency: "", registration: "", words: "" }];
    for (const card of cards) {
      try {
        return await this.vault.ask({ type: "seal_card", room, number, card: writeCard({ ...card, lang }) });
      } catch (thrown) {
        if (!(thrown instanceof VaultRefusal)) throw thrown;
      }
    }
    return "";
  }

  /** The link is ready before it is asked for: some browsers copy only right after a tap. */
  private async showLink(): Promise<void> {
    const room = this.room;
    const invite = this.workingInvite();
    if (room === null || room.title === null || invite === undefined) return;
    try {
      const { fragment } = await this.vault.ask({ type: "make_link", room: room.view.room, number: invite.number });
      if (this.chosen === room.view.room) this.link = addressOf(fragment);
    } catch (thrown) {
      this.error = errorWord(thrown);
    }
  }

  private async try(work: () => Promise<void>, word: (thrown: unknown) => Key = errorWord): Promise<boolean> {
    this.error = null;
    this.busy = true;
    try {
      await work();
      return true;
    } catch (thrown) {
      this.error = word(thrown);
      if (thrown instanceof Rejected && thrown.reject.code === "not_signed_in") this.toSignIn();
      return false;
    } finally {
      this.busy = false;
    }
  }
}

/** Devices of one counsellor that make a link at the same moment, at most. */
const LINK_TRIES = 3;

/** What is given to the other person. */
function addressOf(fragment: string): string {
  return `${location.origin}/j#${fragment.replace(/^#/, "")}`;
}

/** More was written than a title has room for. */
class TooLong extends Error {}

function errorWord(thrown: unknown): Key {
  if (thrown instanceof NoPasskey) return accountWord(thrown);
  if (thrown instanceof Rejected) return deskWord(thrown.reject);
  if (thrown instanceof Unreachable) return "error.unreachable";
  if (thrown instanceof TooLong) return "form.too_long";
  if (thrown instanceof VaultRefusal) return thrown.code === "keys_changed" ? "error.keys_changed" : "error.vault";
  return "error.internal";
}
