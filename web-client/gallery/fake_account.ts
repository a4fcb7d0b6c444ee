// A made-up account, so that its page can be drawn without a server.
import type { AccountView, TotpOffer } from "../src/protocol/wire";
import type { AccountModel } from "../src/session/account.svelte";
import type { ProgramsModel } from "../src/session/programs.svelte";
import type { DevicesModel, OldState } from "../src/session/pairing.svelte";

/** A secret for an app. */
export const fakeOffer: TotpOffer = {
  secret: "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
  uri: "otpauth://totp/Aman:Ana?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Aman",
  sealed: "",
};

/** Recovery codes. */
export const fakeCodes: readonly string[] = Array.from({ length: 10 }, (_, n) => `AB${n % 6 + 2}D-EFGH-JKLM-NPQ${n % 6 + 2}`);

/** An account with everything. */
export function fakeAccount(change: Partial<AccountModel> = {}, view: Partial<AccountView> = {}): AccountModel {
  const nothing = (): void => undefined;
  return {
    view: {
      has_totp: true,
      n_recovery_codes: 2,
      passkeys: [
        { passkey: "a", created_at: 1_795_000_000, last_used_at: 1_795_300_000 },
        { passkey: "b", created_at: 1_795_200_000, last_used_at: null },
      ],
      sign_ins: [
        { sign_in: "a", created_at: 1_795_300_000, last_seen_at: 1_795_301_000, is_this: true },
        { sign_in: "b", created_at: 1_795_100_000, last_seen_at: 1_795_200_000, is_this: false },
      ],
      needs_second_factor: true,
      has_password: true,
      has_provider: true,
      ...view,
    },
    offer: null,
    codes: null,
    error: null,
    busy: false,
    said: null,
    asks: false,
    offerTotp: nothing,
    confirmTotp: nothing,
    dropOffer: nothing,
    removeTotp: nothing,
    renewCodes: nothing,
    codesKept: nothing,
    addPasskey: nothing,
    removePasskey: nothing,
    endSignIn: nothing,
    signOutEverywhere: nothing,
    linkProvider: nothing,
    unlinkProvider: nothing,
    changePassword: () => Promise.resolve(true),
    guarded: nothing,
    confirm: nothing,
    attempt: nothing,
    giveUp: nothing,
    ...change,
  };
}

/** Keys that can go to another device, or cannot. */
export function fakeDevices(state: OldState = { at: "idle" }, can = true): DevicesModel {
  const nothing = (): void => undefined;
  return { can, state, begin: () => Promise.resolve(), matches: nothing, differs: nothing, close: nothing, never: nothing };
}

/** What the code for another device says. */
export const fakePairLink = `https://aman.example/#pair.1.${"Qm9nZW5zY2hpZWRzcmljaHRlcg".padEnd(43, "x")}.${"a".repeat(22)}`;

/** Programs of an account. */
export function fakePrograms(change: Partial<ProgramsModel> = {}): ProgramsModel {
  const nothing = (): void => undefined;
  return {
    keys: [
      { key: "a", label: "Calendar", scopes: ["sessions:read", "sessions:write"], created_at: 1_795_000_000, expires_at: 1_826_000_000, used_at: 1_795_300_000 },
      { key: "b", label: "تقرير شهري", scopes: ["sessions:read"], created_at: 1_795_100_000, expires_at: null, used_at: null },
    ],
    webhooks: [
      { webhook: "a", url: "https://agency.example/programs/told-by-aman/with-a-long-path", events: ["session.started", "session.ended"], created_at: 1_795_000_000, delivered_at: 1_795_300_000, failed_at: 1_795_200_000 },
    ],
    made: null,
    tests: new Map([["a", "failed"]]),
    kept: nothing,
    makeKey: nothing,
    revoke: nothing,
    makeWebhook: nothing,
    remove: nothing,
    test: nothing,
    ...change,
  };
}
