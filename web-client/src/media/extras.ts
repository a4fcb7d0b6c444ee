// What only some browsers can do: show a screen, blur a background.

/** Few pictures, each of them sharp: a page of text rather than a film. */
const SCREEN: DisplayMediaStreamOptions = { video: { frameRate: { max: 8 }, width: { max: 1280 }, height: { max: 800 } }, audio: false };

/** The browser's own blur, which W3C "mediacapture-extensions" names. */
interface Blurs {
  backgroundBlur?: unknown;
}

/** Whether a screen can be shared here. */
export function canShareScreen(): boolean {
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  return devices !== undefined && "getDisplayMedia" in devices;
}

/** Asks which window; `null` when the person chose none. */
export async function screenTrack(): Promise<MediaStreamTrack | null> {
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia(SCREEN);
    const [track] = stream.getVideoTracks();
    if (track !== undefined) track.contentHint = "detail";
    return track ?? null;
  } catch {
    return null;
  }
}

/** Whether the background is blurred; `null` where it cannot be. */
export function blurOf(camera: MediaStreamTrack | null): boolean | null {
  // Firefox has no capabilities to ask for.
  if (camera === null || !("getCapabilities" in camera)) return null;
  const { backgroundBlur } = camera.getCapabilities() as Blurs;
  if (!Array.isArray(backgroundBlur) || backgroundBlur.length < 2) return null;
  return (camera.getSettings() as Blurs).backgroundBlur === true;
}

/** Turns it on or off. */
export async function setBlurOf(camera: MediaStreamTrack, on: boolean): Promise<void> {
  const wish: MediaTrackConstraints & Blurs = { backgroundBlur: on };
  await camera.applyConstraints(wish).catch(() => undefined);
}
