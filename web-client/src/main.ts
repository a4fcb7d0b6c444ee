// The first code of the page.  Its first statement takes the link's secret out of the address
// bar; nothing has run by then that could see it.
import { watchExit } from "./quick_exit";

const secret = takeFragment();

// A link opened in the tab of a former one, at any moment, changes only the fragment: it is
// read like the first.
addEventListener("hashchange", () => {
  if (location.hash !== "") location.reload();
});
if (location.pathname === "/j") watchExit();

void import("./start").then(({ start }) => start(secret));

/** Reads the fragment once.  The function it gives hands it on once. */
function takeFragment(): () => string {
  let fragment: string | undefined = location.hash;
  if (fragment !== "") history.replaceState(null, "", location.pathname + location.search);
  return () => {
    const taken = fragment ?? "";
    fragment = undefined;
    return taken;
  };
}
