// One's own account: its factors, its sign-ins, and the password asked once more where it matters.
import type { Key } from "../i18n/en";
import type { AccountView, FactorAdded, Me, TotpOffer } from "../protocol/wire";
import { deskWord } from "../room/words";
import { accountApi as api } from "./account_api";
import { Rejected, Unreachable } from "./api";
import type { PasskeyTrouble } from "./passkey";
import { makePasskey, NoPasskey } from "./passkey";
import { leaveFor, providerWord } from "./provider";

const PASSKEY_WORDS: Record<PasskeyTrouble, Key> = {
  cancelled: "acct.passkey_cancelled",
  exists: "acct.passkey_exists",
  failed: "acct.passkey_failed",
};

/** What to say when something about an account did not work. */
export function accountWord(thrown: unknown): Key {
  if (thrown instanceof NoPasskey) return PASSKEY_WORDS[thrown.trouble];
  if (thrown instanceof Rejected) return deskWord(thrown.reject);
  return thrown instanceof Unreachable ? "error.unreachable" : "error.internal";
}

/** What the page of an account shows. */
export interface AccountModel {
  readonly view: AccountView | null;
  readonly offer: TotpOffer | null;
  /** Recovery codes, shown once. */
  readonly codes: readonly string[] | null;
  readonly error: Key | null;
  readonly busy: boolean;
  /** Something went well. */
  readonly said: Key | null;
  /** Whether the password is asked once more. */
  readonly asks: boolean;
  offerTotp: () => void;
  confirmTotp: (code: string) => void;
  dropOffer: () => void;
  removeTotp: () => void;
  renewCodes: () => void;
  codesKept: () => void;
  addPasskey: () => void;
  removePasskey: (passkey: string) => void;
  endSignIn: (signIn: string) => void;
  signOutEverywhere: () => void;
  linkProvider: () => void;
  unlinkProvider: () => void;
  changePassword: (current: string, next: string) => Promise<boolean>;
  /** Does what is asked for after the password, where that has to be said once more. */
  guarded: (work: () => Promise<void>) => void;
  confirm: (password: string) => void;
  /** Does something else for the account, with the same questions and the same words. */
  attempt: (work: () => Promise<void>) => void;
  giveUp: () => void;
}

/** The account of whoever is signed in. */
export class Account implements AccountModel {
  view: AccountView | null = $state.raw(null);
  offer: TotpOffer | null = $state.raw(null);
  codes: readonly string[] | null = $state.raw(null);
  error: Key | null = $state(null);
  busy = $state(false);
  said: Key | null = $state(null);
  private waiting: (() => Promise<void>) | null = $state.raw(null);

  constructor(
    /** A factor was added: more may be open now. */
    private readonly onMe: (me: Me) => void,
    private readonly onOut: () => void,
  ) {}

  get asks(): boolean {
    return this.waiting !== null;
  }

  async load(): Promise<void> {
    await this.try(async () => {
      this.view = await api.read();
    });
  }

  offerTotp = (): void => {
    this.do(async () => {
      this.offer = await api.offerTotp();
    });
  };

  confirmTotp = (code: string): void => {
    this.do(async () => {
      await this.added(await api.confirmTotp({ sealed: this.offer?.sealed ?? "", code }));
      this.offer = null;
      this.said = "acct.totp_on";
    });
  };

  dropOffer = (): void => {
    this.offer = null;
    this.error = null;
  };

  removeTotp = (): void => {
    this.do(async () => {
      await api.removeTotp();
      this.view = await api.read();
    });
  };

  renewCodes = (): void => {
    this.do(async () => {
      this.codes = (await api.renewCodes()).codes;
      this.view = await api.read();
    });
  };

  codesKept = (): void => {
    this.codes = null;
  };

  addPasskey = (): void => {
    this.do(async () => {
      await this.added(await api.addPasskey(await makePasskey(await api.passkeyChallenge())));
      this.said = "acct.passkey_on";
    });
  };

  removePasskey = (passkey: string): void => {
    this.do(async () => {
      await api.removePasskey(passkey);
      this.view = await api.read();
    });
  };

  endSignIn = (signIn: string): void => {
    this.do(async () => {
      await api.endSignIn(signIn);
      this.view = await api.read();
    });
  };

  signOutEverywhere = (): void => {
    this.do(async () => {
      await api.signOutEverywhere();
      this.onOut();
    });
  };

  /** Goes to the agency's own sign-in. */
  linkProvider = (): void => {
    void this.try(async () => {
      leaveFor(await api.linkProvider());
    }, providerWord);
  };

  unlinkProvider = (): void => {
    this.do(async () => {
      await api.unlinkProvider();
      this.view = await api.read();
    });
  };

  changePassword = (current: string, next: string): Promise<boolean> => this.try(async () => {
    await api.changePassword({ current, new: next });
    this.said = "acct.password_changed";
    this.view = await api.read();
  });

  guarded = (work: () => Promise<void>): void => {
    this.do(work);
  };

  /** The password once more, and then what was to be done. */
  confirm = (password: string): void => {
    const then = this.waiting;
    if (then === null) return;
    void this.try(async () => {
      await api.confirm({ password });
      this.waiting = null;
      await then();
    });
  };

  attempt = (work: () => Promise<void>): void => {
    this.do(work);
  };

  giveUp = (): void => {
    this.waiting = null;
    this.error = null;
  };

  private async added({ me, recovery_codes }: FactorAdded): Promise<void> {
    if (recovery_codes !== null) this.codes = recovery_codes;
    this.onMe(me);
    this.view = await api.read();
  }

  private do(work: () => Promise<void>): void {
    void this.try(work);
  }

  private async try(work: () => Promise<void>, word: (thrown: unknown) => Key = accountWord): Promise<boolean> {
    this.error = null;
    this.said = null;
    this.busy = true;
    try {
      await work();
      return true;
    } catch (thrown) {
      const code = thrown instanceof Rejected ? thrown.reject.code : null;
      if (code !== "not_fresh") this.error = word(thrown);
      else if (this.view?.has_password === false) this.error = "provider.again";
      else this.waiting = work;
      if (code === "not_signed_in") this.onOut();
      return false;
    } finally {
      this.busy = false;
    }
  }
}
