// The person's own devices, within what they agreed to: a device they said no to never starts.
import { LocalMedia } from "../../media/local.svelte";
import type { TrackKind } from "../../protocol/wire";

/** Devices with a lock on each, of which the person has the key. */
export class AgreedMedia extends LocalMedia {
  /** What the person agreed to; both until they said otherwise. */
  allowed: Readonly<Record<TrackKind, boolean>> = $state.raw({ microphone: true, camera: true });
  /** What was pressed although the person had said no to it; for a word about it. */
  withheld: TrackKind | null = $state(null);

  /** From here on only these may start; one that runs against it is released, not only muted. */
  allow(allowed: Record<TrackKind, boolean>): void {
    this.allowed = allowed;
    this.withheld = null;
    for (const kind of ["camera", "microphone"] as const) if (!allowed[kind]) this.forget(kind);
  }

  override async set(kind: TrackKind, on: boolean): Promise<void> {
    if (on && this.within[kind] && !this.allowed[kind]) {
      this.withheld = kind;
      return;
    }
    this.withheld = null;
    await super.set(kind, on);
  }

  /** A screen goes out as a picture: not without a yes to one. */
  override async share(): Promise<void> {
    if (this.allowed.camera) await super.share();
  }

  override async askForBoth(): Promise<void> {
    const { camera, microphone } = this.allowed;
    if (camera && microphone) await super.askForBoth();
    else if (camera || microphone) await super.set(camera ? "camera" : "microphone", true);
  }
}
