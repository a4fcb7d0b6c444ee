// Whether a fragment can be a link, before anything is done with it.

/** `#1.<32 bytes>.<16 bytes>`, both base64url (docs/protocol.md, "The link"). */
const LINK = /^#?1\.[A-Za-z0-9_-]{43}\.[A-Za-z0-9_-]{22}$/;

/** Whether `fragment` has the form of a link. */
export function isWellFormedLink(fragment: string): boolean {
  return LINK.test(fragment);
}
