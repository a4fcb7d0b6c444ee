// What the first page may ask of everything behind it.

/** The way, as the way out sees it. */
export interface WayHandle {
  /** Stops what listens and plays, and tells the server; done when it was told. */
  sayGoodbye: () => Promise<void>;
  /** Lets go of everything. */
  close: () => void;
  isInCall: () => boolean;
}
