// The agency's own sign-in: there, and back again with an answer in the fragment.
import type { Key } from "../i18n/en";
import type { ProviderAddress, ProviderAnswer, Reject } from "../protocol/wire";
import { deskWord } from "../room/words";
import { Rejected, Unreachable } from "./api";

/** What the provider sent the browser back with: something for the server, or a no. */
export type Returned = ProviderAnswer | "refused";

/** Reads the fragment; `null` if it is no answer of a provider. */
export function readReturned(fragment: string): Returned | null {
  const words = new URLSearchParams(fragment);
  const [state, code] = [words.get("state"), words.get("code")];
  if (state === null) return null;
  if (words.has("error")) return "refused";
  return code === null ? null : { state, code, iss: words.get("iss") };
}

/** Goes to the page of the provider. */
export function leaveFor({ address }: ProviderAddress): void {
  if (!/^https?:/.test(address)) throw new TypeError("no address of a provider");
  location.assign(address);
}

/** What to say when it did not work. No more than that: the log of the server knows why. */
export function providerWord(thrown: unknown): Key {
  if (thrown instanceof Unreachable) return "error.unreachable";
  if (!(thrown instanceof Rejected)) return "error.internal";
  return WORDS[thrown.reject.code] ?? deskWord(thrown.reject);
}

/** What some refusals mean here. */
const WORDS: Partial<Record<Reject["code"], Key>> = {
  cannot_sign_in: "provider.refused",
  expired: "provider.expired",
  no_such_right: "invitation.bad",
  internal: "provider.down",
};
