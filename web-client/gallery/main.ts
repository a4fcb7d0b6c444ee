// Draws one scene of the gallery: `gallery.html?scene=NAME&lang=en|ar|zh`.  `drawScene` draws
// another one in its place, so that somebody who looks at all of them loads the page once.
import { mount, tick, unmount } from "svelte";

import type { Lang } from "../src/i18n/index.svelte";
import { firstLanguage, words } from "../src/i18n/index.svelte";
import { stopCameras } from "./fakes";
import Gallery from "./Gallery.svelte";

const target = document.getElementById("page");
const asked = new URLSearchParams(location.search);
let drawn: Record<string, unknown> | null = null;

async function drawScene(scene: string, lang: Lang): Promise<void> {
  if (target === null) return;
  if (drawn !== null) await unmount(drawn);
  stopCameras();
  document.getElementById("quick-exit")?.removeAttribute("hidden");
  await words.use(lang);
  drawn = mount(Gallery, { target, props: { scene } });
  await tick();
  await document.fonts.ready;
}

Object.assign(globalThis, { drawScene });
await words.need("join", "call", "desk", "account", "programs");
await drawScene(asked.get("scene") ?? "", firstLanguage(location.search, null, []));
document.documentElement.dataset["ready"] = "";
