// What the holder of a link may know before anybody lets them in: the card that the counsellor's
// browser sealed for this link, and when the appointment is.
//
// The server hands it out to whoever proves to hold the link; the vault opens it.  Whatever goes
// wrong, the page works without it.
import type { CounsellorCard } from "../../room/card";
import { readCard } from "../../room/card";
import type { Planned } from "../../room/timer";

/** What is known of the appointment. */
export interface Invitation {
  card: CounsellorCard | null;
  planned: Planned | null;
  kind: "video" | "audio" | "text";
}

/** Nothing is known. */
export const NO_INVITATION: Invitation = { card: null, planned: null, kind: "video" };

/** The vault, as far as it is asked here. */
export interface CardVault {
  ask: {
    (question: { type: "link_rights" }): Promise<{ invite: string; server_auth: string }>;
    (question: { type: "open_card"; sealed: string }): Promise<string | null>;
  };
}

/** Asks for it; never rejects. */
export async function fetchInvitation(vault: CardVault, post: (path: string, body: unknown) => Promise<unknown>): Promise<Invitation> {
  try {
    const { invite, server_auth } = await vault.ask({ type: "link_rights" });
    const answer = await post(`invites/${invite}/card`, { server_auth });
    const sealed = field(answer, "sealed_card");
    const opened = typeof sealed === "string" && sealed !== "" ? await vault.ask({ type: "open_card", sealed }) : null;
    return { card: opened === null ? null : readCard(opened), planned: plannedIn(answer), kind: kindIn(answer) };
  } catch {
    return NO_INVITATION;
  }
}

function plannedIn(answer: unknown): Planned | null {
  const starts_at = field(answer, "starts_at");
  const minutes = field(answer, "minutes");
  if (typeof starts_at !== "number" || !Number.isSafeInteger(starts_at) || starts_at <= 0) return null;
  return { starts_at, minutes: typeof minutes === "number" && minutes > 0 ? Math.floor(minutes) : 0 };
}

function kindIn(answer: unknown): Invitation["kind"] {
  const kind = field(answer, "kind");
  return kind === "audio" || kind === "text" ? kind : "video";
}

function field(answer: unknown, name: string): unknown {
  return typeof answer === "object" && answer !== null ? (answer as Record<string, unknown>)[name] : undefined;
}
