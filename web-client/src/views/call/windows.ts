// The call in another window: the whole screen, or a small one above other programs.

/** Takes the whole screen, or gives it back. */
export function fullscreen(): void {
  const done = document.fullscreenElement === null ? document.documentElement.requestFullscreen() : document.exitFullscreen();
  done.catch(() => undefined);
}

/** Shows the picture in a small window of its own, or takes it back. */
export async function smallWindow(video: HTMLVideoElement | null): Promise<void> {
  if (document.pictureInPictureElement !== null) await document.exitPictureInPicture().catch(() => undefined);
  else if (video !== null) {
    video.disablePictureInPicture = false;
    await video.requestPictureInPicture().catch(() => undefined);
  }
}
