// Copies a text, in every browser we speak to.  Call it in the handler of a tap, with the text at hand:
// Firefox and Safari allow it only then.

/** Whether it worked. `field` shows the same text; it is left selected when nothing else worked. */
export async function copyText(text: string, field: HTMLInputElement | HTMLTextAreaElement | undefined): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Not allowed, or no clipboard there: the old way.
  }
  field?.focus();
  field?.select();
  try {
    const old = document as { execCommand?: (command: string) => boolean };
    return old.execCommand?.("copy") ?? false;
  } catch {
    return false;
  }
}
