// Wiring: which page this is, and what it is made of.  The only file that constructs things.
import { mount } from "svelte";

import { firstLanguage, keptLanguage, words } from "./i18n/index.svelte";
import { startWorker } from "./session/trusted";
import { VaultLink } from "./session/vault_link";
import vaultUrl from "./vault/worker?worker&url";

/** Draws the page. */
export async function start(takeFragment: () => string): Promise<void> {
  const target = document.getElementById("page");
  if (target === null) return;
  const isClient = location.pathname === "/j";
  void words.need(...(isClient ? (["join"] as const) : (["join", "desk"] as const)));
  const [view] = await Promise.all([
    isClient ? import("./views/Client.svelte") : import("./views/Desk.svelte"),
    words.use(firstLanguage(location.search, keptLanguage(), navigator.languages)),
  ]);
  reloadOnNewLink();
  const isSetup = location.pathname === "/setup";
  mount(view.default, { target, props: { takeFragment, openVault: once(() => new VaultLink(startWorker(vaultUrl))), isSetup } });
  document.documentElement.dataset["ready"] = "";
}

/** A link opened in the tab of a former one changes only the fragment: read it like the first. */
function reloadOnNewLink(): void {
  addEventListener("hashchange", () => {
    if (location.hash !== "") location.reload();
  });
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
