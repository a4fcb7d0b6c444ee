// Passkeys in this browser: made, and used to sign in (WebAuthn).
import type { NewPasskey, NewPasskeyChallenge, PasskeyChallenge, PasskeyProof } from "../protocol/wire";
import { decodeBase64url, encodeBase64url } from "../vault/base64url";

/** Why there is no passkey. */
export type PasskeyTrouble = "cancelled" | "exists" | "failed";

/** The browser or the person said no. */
export class NoPasskey extends Error {
  constructor(readonly trouble: PasskeyTrouble) {
    super(trouble);
  }
}

/** How long somebody may look for the key or the finger. */
const PATIENCE_MS = 120_000;

/** ES256, Ed25519, RS256: what the server can check. */
const ALGORITHMS = [-7, -8, -257];

/** Whether passkeys can be used here.  Bare addresses have none. */
export function passkeysWork(hostname: string = location.hostname): boolean {
  return typeof PublicKeyCredential !== "undefined" && !/^[\d.]+$|[:[]/.test(hostname);
}

/** Makes a passkey on a device of the person's choice. */
export async function makePasskey({ challenge, rp, account, name, known }: NewPasskeyChallenge): Promise<NewPasskey> {
  const made = await tried(() =>
    navigator.credentials.create({
      publicKey: {
        rp: { id: rp, name: "Aman" },
        user: { id: bytes(account), name, displayName: name },
        challenge: bytes(challenge),
        pubKeyCredParams: ALGORITHMS.map((alg) => ({ type: "public-key", alg })),
        excludeCredentials: known.map((id) => ({ type: "public-key", id: bytes(id) })),
        authenticatorSelection: { residentKey: "required", userVerification: "required" },
        attestation: "none",
        timeout: PATIENCE_MS,
      },
    }),
  );
  const response = made.response as AuthenticatorAttestationResponse;
  return { client_data: text(response.clientDataJSON), authenticator_data: text(response.getAuthenticatorData()) };
}

/** Lets a passkey sign. */
export async function usePasskey({ challenge, rp }: PasskeyChallenge): Promise<PasskeyProof> {
  const used = await tried(() =>
    navigator.credentials.get({ publicKey: { challenge: bytes(challenge), rpId: rp, userVerification: "required", timeout: PATIENCE_MS } }),
  );
  const response = used.response as AuthenticatorAssertionResponse;
  return {
    credential: text(used.rawId),
    client_data: text(response.clientDataJSON),
    authenticator_data: text(response.authenticatorData),
    signature: text(response.signature),
    account: response.userHandle === null ? null : text(response.userHandle),
  };
}

async function tried(ask: () => Promise<Credential | null>): Promise<PublicKeyCredential> {
  try {
    const credential = await ask();
    if (credential !== null) return credential as PublicKeyCredential;
  } catch (thrown) {
    const name = thrown instanceof DOMException ? thrown.name : "";
    throw new NoPasskey(name === "NotAllowedError" || name === "AbortError" ? "cancelled" : name === "InvalidStateError" ? "exists" : "failed");
  }
  throw new NoPasskey("failed");
}

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  return decodeBase64url(base64url) ?? new Uint8Array();
}

function text(buffer: ArrayBuffer): string {
  return encodeBase64url(new Uint8Array(buffer));
}
