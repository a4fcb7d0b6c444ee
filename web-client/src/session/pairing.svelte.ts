// The keys of a counsellor on their way to her second device: what either device shows.
//
//   old: idle → waiting → compare → handing → done        new: coming → compare → keeping → done
//   and from everywhere: over, with a word why
//
// What is said to the other device is made in the vault; this only carries it, and waits.
import type { Key } from "../i18n/en";
import type { PairingView } from "../protocol/wire";
import { Rejected, Unreachable } from "./api";
import { pairingApi as api } from "./pairing_api";
import type { VaultLink } from "./vault_link";
import { VaultRefusal } from "./vault_link";

/** How often either device asks whether the other one did its part. */
const ASK_MS = 1000;

/** How long a pairing lasts at most (`PAIRING_LIFETIME`), counted here from when the server answered: clocks of devices differ, and the server has the last word. */
const LIFETIME_MS = 5 * 60 * 1000;

/** Where the device that has the keys is. */
export type OldState =
  | { at: "idle" | "handing" | "done" }
  | { at: "waiting"; link: string }
  | { at: "compare"; code: string }
  | { at: "over"; why: Key };

/** Where the new device is. */
export type NewState = { at: "coming" } | { at: "keeping" } | { at: "done" } | { at: "compare"; code: string } | { at: "over"; why: Key };

/** What the page of the account shows of devices. */
export interface DevicesModel {
  /** Whether this browser's keys can go to another one; `null` until that is known. */
  readonly can: boolean | null;
  readonly state: OldState;
  /** Throws what the server says, `not_fresh` above all. */
  begin: () => Promise<void>;
  matches: () => void;
  differs: () => void;
  close: () => void;
  never: () => void;
}

/** Asks again and again until `enough`; gives up at `until` on the clock of the page, or when `isOver`. */
async function follow(pairing: string, until: () => number, isOver: () => boolean, enough: (view: PairingView) => boolean): Promise<PairingView | null> {
  for (;;) {
    if (isOver()) return null;
    try {
      const view = await api.read(pairing);
      if (isOver()) return null;
      if (enough(view)) return view;
    } catch (thrown) {
      const passes = thrown instanceof Unreachable || (thrown instanceof Rejected && ["too_fast", "internal"].includes(thrown.reject.code));
      if (!passes) throw thrown;
    }
    if (performance.now() >= until()) throw new Rejected({ code: "expired" });
    await new Promise((resolve) => setTimeout(resolve, ASK_MS));
  }
}

/** What to say when it did not work. */
export function pairingWord(thrown: unknown): Key {
  if (thrown instanceof Unreachable) return "error.unreachable";
  const code = thrown instanceof Rejected ? thrown.reject.code : thrown instanceof VaultRefusal ? thrown.code : "";
  switch (code) {
    case "no_such_right":
      return "pair.gone";
    case "expired":
      return "pair.expired";
    case "out_of_order":
      return "pair.taken";
    case "pair_bad_link":
      return "pair.bad_link";
    case "pair_other_keys":
      return "pair.other_keys";
    case "pair_no_copy":
      return "pair.cannot";
    case "not_signed_in":
      return "pair.gone";
    case "keys_changed":
      return "error.keys_changed";
    case "pair_wrong":
      return "pair.wrong";
    default:
      return "error.internal";
  }
}

/** Nothing of a pairing is left in the vault: keys cannot be sealed for it any more. */
export function stop(vault: VaultLink): void {
  vault.ask({ type: "pair_stop" }).catch(() => undefined);
}

/** The device that has the keys. */
export class OldSide implements DevicesModel {
  can: boolean | null = $state(null);
  state: OldState = $state.raw({ at: "idle" });
  private pairing: string | null = null;
  private until = 0;

  constructor(private readonly vault: VaultLink) {}

  async load(): Promise<void> {
    this.can = await this.vault.ask({ type: "pair_can" });
  }

  begin = async (): Promise<void> => {
    const { pairing, fragment } = await this.vault.ask({ type: "pair_begin" });
    await api.begin(pairing);
    this.pairing = pairing;
    this.until = performance.now() + LIFETIME_MS;
    this.state = { at: "waiting", link: `${location.origin}/#${fragment}` };
    void this.try(pairing, async () => {
      const claimed = await follow(pairing, () => this.until, () => this.pairing !== pairing, ({ hello }) => hello !== null);
      const hello = claimed?.hello ?? null;
      if (hello === null) return;
      const { answer, code } = await this.vault.ask({ type: "pair_heard", hello });
      if (this.pairing !== pairing) return;
      await api.say(pairing, "answer", answer);
      if (!this.isOn(pairing)) return;
      this.state = { at: "compare", code };
      // The other one may call it off while a person compares.
      await follow(pairing, () => this.until, () => this.pairing !== pairing || this.state.at !== "compare", () => false);
    });
  };

  matches = (): void => {
    const pairing = this.pairing;
    if (pairing === null || this.state.at !== "compare") return;
    this.state = { at: "handing" };
    void this.try(pairing, async () => {
      const parcel = await this.vault.ask({ type: "pair_seal" });
      if (this.pairing !== pairing) return;
      await api.say(pairing, "parcel", parcel);
      const fetched = await follow(pairing, () => this.until, () => this.pairing !== pairing, ({ state }) => state === "fetched");
      if (fetched === null) return;
      this.pairing = null;
      this.state = { at: "done" };
    });
  };

  differs = (): void => {
    this.leave({ at: "over", why: "pair.differed" });
  };

  close = (): void => {
    this.leave({ at: "idle" });
  };

  never = (): void => {
    this.vault.ask({ type: "pair_never" }).then(
      () => (this.can = false),
      (thrown: unknown) => (this.state = { at: "over", why: pairingWord(thrown) }),
    );
  };

  private leave(state: OldState): void {
    const pairing = this.pairing;
    this.pairing = null;
    this.state = state;
    stop(this.vault);
    if (pairing !== null) api.cancel(pairing).catch(() => undefined);
  }

  private isOn(pairing: string): boolean {
    return this.pairing === pairing;
  }

  private async try(pairing: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (thrown) {
      if (this.pairing === pairing) this.leave({ at: "over", why: pairingWord(thrown) });
    }
  }
}

/** The device that is to have them. */
export class NewSide {
  state: NewState = $state.raw({ at: "coming" });
  private isLeft = false;
  private pairing: string | null = null;
  private until = Infinity;

  constructor(
    private readonly vault: VaultLink,
    private readonly account: string,
    private readonly link: string,
  ) {}

  /** Goes all the way; `true` when the keys are here. */
  async run(): Promise<boolean> {
    try {
      return await this.steps();
    } catch (thrown) {
      const why = pairingWord(thrown);
      const isOurs = thrown instanceof VaultRefusal;
      this.state = { at: "over", why };
      if (isOurs) this.callOff();
      return false;
    }
  }

  /** Not any more. */
  leave(): void {
    this.isLeft = true;
    if (this.state.at === "coming" || this.state.at === "compare") this.callOff();
    else stop(this.vault);
  }

  private async steps(): Promise<boolean> {
    const { pairing, hello } = await this.vault.ask({ type: "pair_read", account: this.account, link: this.link });
    if (this.hasLeft()) return false;
    await api.say(pairing, "hello", hello);
    this.pairing = pairing;
    if (this.hasLeft()) {
      // The server heard of this device after its person had left.
      this.callOff();
      return false;
    }
    this.until = performance.now() + LIFETIME_MS;
    const answer = (await this.wait((view) => view.answer !== null))?.answer ?? null;
    if (answer === null) return false;
    this.state = { at: "compare", code: (await this.vault.ask({ type: "pair_answered", answer })).code };
    if ((await this.wait(({ state }) => state === "released")) === null) return false;
    this.state = { at: "keeping" };
    const { parcel } = await api.fetch(pairing);
    await this.vault.ask({ type: "pair_keep", parcel });
    this.pairing = null;
    this.state = { at: "done" };
    return true;
  }

  private wait(enough: (view: PairingView) => boolean): Promise<PairingView | null> {
    return follow(this.pairing ?? "", () => this.until, () => this.isLeft, enough);
  }

  private hasLeft(): boolean {
    return this.isLeft;
  }

  private callOff(): void {
    const pairing = this.pairing;
    this.pairing = null;
    stop(this.vault);
    if (pairing !== null) api.cancel(pairing).catch(() => undefined);
  }
}
