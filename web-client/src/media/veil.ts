// A veil over the person's whole picture, made on the device: light and movement go out, and
// neither a face nor a room.
//
//   off ──start──► starting ──first frame──► on
//    ▲                │  too long, or it broke  │
//    └──────stop──────┴──────► failed ◄─────────┘
//
// The picture is drawn through a few points only (`POINTS`), so that what is hidden is not there
// to be brought back.
//
// Invariants:
// - A track is given out only while the veil is on, and it is never the camera's own.
// - What failed stays failed until it is started anew: no picture rather than a clear one.

/** Where it stands. */
export type VeilState = "off" | "starting" | "on" | "failed";

/** Draws veiled pictures of one camera. */
export interface Painter {
  track: MediaStreamTrack;
  stop: () => void;
}

/** Makes one; it tells of each picture it drew, and of the one it could not draw. */
export type MakePainter = (camera: MediaStreamTrack, painted: () => void, failed: () => void) => Painter;

/** How long the first picture may take. */
export const VEIL_PATIENCE_MS = 5000;

/** The longer side has so many points.  More would begin to show a face. */
const POINTS = 16;
/** The longer side of what goes out, and the step between. */
const SIDE = 320;
const STEP = 80;
const FRAME_MS = 66;

/** The veil over one camera after another. */
export class Veil {
  private now: VeilState = "off";
  private painter: Painter | null = null;
  private patience: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly onChange: () => void,
    private readonly make: MakePainter = paintVeil,
  ) {}

  get state(): VeilState {
    return this.now;
  }

  /** What may go out; `null` while there is no veil to go before it. */
  get track(): MediaStreamTrack | null {
    return this.now === "on" ? (this.painter?.track ?? null) : null;
  }

  /** Over this camera from here on. */
  start(camera: MediaStreamTrack): void {
    this.drop();
    this.now = "starting";
    // What a former painter still says is not about this camera.
    const begun = {};
    this.turn = begun;
    const isOurs = (): boolean => this.turn === begun;
    this.patience = setTimeout(() => {
      if (isOurs()) this.fail();
    }, VEIL_PATIENCE_MS);
    try {
      const painter = this.make(
        camera,
        () => {
          if (isOurs()) this.painted();
        },
        () => {
          if (isOurs()) this.fail();
        },
      );
      // It may have failed before it was there.
      if (this.isStarting()) this.painter = painter;
      else painter.stop();
    } catch {
      this.fail();
    }
    this.onChange();
  }

  stop(): void {
    this.drop();
    if (this.now === "off") return;
    this.now = "off";
    this.onChange();
  }

  private turn: object = {};

  private isStarting(): boolean {
    return this.now === "starting";
  }

  private painted(): void {
    if (this.now !== "starting" || this.painter === null) return;
    clearTimeout(this.patience);
    this.now = "on";
    this.onChange();
  }

  private fail(): void {
    this.drop();
    if (this.now === "failed") return;
    this.now = "failed";
    this.onChange();
  }

  private drop(): void {
    clearTimeout(this.patience);
    this.turn = {};
    this.painter?.stop();
    this.painter = null;
  }
}

/** Width and height with the longer side as given. */
export function fitted(width: number, height: number, side: number): [number, number] {
  const scale = side / Math.max(width, height, 1);
  return [Math.max(1, Math.round(width * scale)), Math.max(1, Math.round(height * scale))];
}

function paintVeil(camera: MediaStreamTrack, painted: () => void, failed: () => void): Painter {
  const video = document.createElement("video");
  video.muted = true;
  video.playsInline = true;
  video.srcObject = new MediaStream([camera]);
  const [step, points, out] = [surface(STEP), surface(POINTS), surface(SIDE)];
  const [track] = out.canvas.captureStream(1000 / FRAME_MS).getVideoTracks();
  if (track === undefined) throw new Error("no track of a canvas");
  track.contentHint = "motion";
  const timer = setInterval(() => {
    try {
      if (video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      const { videoWidth: width, videoHeight: height } = video;
      step.draw(video, width, height);
      points.draw(step.canvas, width, height);
      out.draw(points.canvas, width, height);
      painted();
    } catch {
      failed();
    }
  }, FRAME_MS);
  video.play().catch(failed);
  return {
    track,
    stop: () => {
      clearInterval(timer);
      video.srcObject = null;
      track.stop();
    },
  };
}

interface Surface {
  canvas: HTMLCanvasElement;
  /** Draws all of `source` over all of it, in the shape of a picture of this size. */
  draw: (source: CanvasImageSource, width: number, height: number) => void;
}

function surface(side: number): Surface {
  const canvas = document.createElement("canvas");
  // Asked for before it is captured: Firefox wants it so.
  const context = canvas.getContext("2d", { alpha: false });
  if (context === null) throw new Error("no canvas");
  return {
    canvas,
    draw: (source, width, height) => {
      const [wide, high] = fitted(width, height, side);
      if (canvas.width !== wide) canvas.width = wide;
      if (canvas.height !== high) canvas.height = high;
      context.imageSmoothingEnabled = true;
      context.imageSmoothingQuality = "high";
      context.drawImage(source, 0, 0, wide, high);
    },
  };
}
