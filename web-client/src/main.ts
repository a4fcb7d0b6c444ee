// The first code of the page.  Its first statement takes the link's secret out of the address
// bar; nothing else has been loaded by then that could see it.
const secret = takeFragment();

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
