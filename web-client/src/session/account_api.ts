// Requests about one's own account, one function each.
import type {
  AcceptInvitation,
  AccountView,
  ChangePassword,
  ConfirmPassword,
  ConfirmTotp,
  FactorAdded,
  InvitationView,
  Me,
  NewPasskey,
  NewPasskeyChallenge,
  PasskeyChallenge,
  PasskeyProof,
  RecoveryCodes,
  SignInCode,
  TotpOffer,
} from "../protocol/wire";
import { request } from "./api";

/** The server's HTTP interface to accounts. */
export const accountApi = {
  code: (code: SignInCode) => request("POST", "sign-in/code", code) as Promise<Me>,
  signInChallenge: () => request("POST", "sign-in/passkey-challenge") as Promise<PasskeyChallenge>,
  signInPasskey: (proof: PasskeyProof) => request("POST", "sign-in/passkey", proof) as Promise<Me>,
  openInvitation: (token: string) => request("POST", "invitation", { token }) as Promise<InvitationView>,
  accept: (accepted: AcceptInvitation) => request("POST", "invitation/accept", accepted) as Promise<Me>,
  read: () => request("GET", "account") as Promise<AccountView>,
  confirm: (words: ConfirmPassword) => request("POST", "account/confirm", words) as Promise<undefined>,
  changePassword: (words: ChangePassword) => request("POST", "account/password", words) as Promise<undefined>,
  offerTotp: () => request("POST", "account/totp") as Promise<TotpOffer>,
  confirmTotp: (words: ConfirmTotp) => request("PUT", "account/totp", words) as Promise<FactorAdded>,
  removeTotp: () => request("DELETE", "account/totp") as Promise<undefined>,
  renewCodes: () => request("POST", "account/recovery-codes") as Promise<RecoveryCodes>,
  passkeyChallenge: () => request("POST", "account/passkey-challenge") as Promise<NewPasskeyChallenge>,
  addPasskey: (passkey: NewPasskey) => request("POST", "account/passkeys", passkey) as Promise<FactorAdded>,
  removePasskey: (passkey: string) => request("DELETE", `account/passkeys/${passkey}`) as Promise<undefined>,
  endSignIn: (signIn: string) => request("DELETE", `account/sign-ins/${signIn}`) as Promise<undefined>,
  signOutEverywhere: () => request("POST", "account/sign-out-everywhere") as Promise<undefined>,
};
