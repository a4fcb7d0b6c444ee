// Where things are: the built programs, and the folder for what is kept after a test.
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

/** The workspace. */
export const ROOT = resolve(import.meta.dirname, "../../..");

/** The source of the pages. */
export const WEB_CLIENT = process.env.AMAN_CLIENT_SOURCE ?? join(ROOT, "web-client");

/** Folder of `aman` and `headless`, as cargo built them. */
export const BIN_DIR =
  process.env.AMAN_BIN_DIR ?? join(process.env.CARGO_TARGET_DIR ?? join(ROOT, "target"), "debug");

/** Screenshots and logs are kept here. */
export const ARTEFACTS = process.env.AMAN_ARTEFACTS ?? join(ROOT, "artefacts/browser");

/** A file that is kept after the test. */
export function artefact(name) {
  mkdirSync(ARTEFACTS, { recursive: true });
  return join(ARTEFACTS, name);
}

const undoing = new WeakMap();

/** Has `undo` done when the test is over; what was done last is undone first. */
export function later(t, undo) {
  if (!undoing.has(t)) {
    const stack = [];
    undoing.set(t, stack);
    t.after(async () => {
      const faults = [];
      while (stack.length > 0) {
        try {
          await stack.pop()();
        } catch (fault) {
          faults.push(fault);
        }
      }
      if (faults.length > 0) throw faults[0];
    });
  }
  undoing.get(t).push(undo);
}

/** A folder that goes with the test that made it. */
export function scratch(t) {
  const folder = mkdtempSync(join(tmpdir(), "aman-browser-"));
  later(t, () => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** A test's name as part of a file name. */
export function fileName(t) {
  return t.name.toLowerCase().replace(/[^a-z0-9]+/g, "-").slice(0, 60);
}
