// One WebSocket at a time.

/** What became of the socket. */
export interface SocketEvents {
  opened: () => void;
  received: (text: string) => void;
  closed: (code: number) => void;
}

/** The code of a connection that closed without saying one (RFC 6455 section 7.1.5). */
const ABNORMAL = 1006;

/** Carries text frames. */
export class Socket {
  private current: WebSocket | undefined;

  constructor(private readonly events: SocketEvents) {}

  /** Opens a new connection; a former one says nothing more. */
  connect(): void {
    this.drop();
    const socket = new WebSocket(socketUrl(location), "aman.v1");
    this.current = socket;
    const ifCurrent = (then: () => void): void => {
      if (this.current === socket) then();
    };
    socket.onopen = () => {
      ifCurrent(this.events.opened);
    };
    socket.onmessage = (event: MessageEvent<unknown>) => {
      const { data } = event;
      if (typeof data === "string") ifCurrent(() => { this.events.received(data); });
    };
    socket.onclose = (event) => {
      ifCurrent(() => {
        this.current = undefined;
        this.events.closed(event.code === 0 ? ABNORMAL : event.code);
      });
    };
  }

  /** Sends a text frame; without an open connection it is lost, and `closed` says so. */
  send(text: string): void {
    if (this.current?.readyState === WebSocket.OPEN) this.current.send(text);
  }

  /** Closes; `closed` follows. */
  close(): void {
    this.current?.close(1000);
  }

  /** Closes without a word. */
  drop(): void {
    const socket = this.current;
    this.current = undefined;
    socket?.close(1000);
  }
}

/** The server's socket beside a page at `place`. */
export function socketUrl(place: { protocol: string; host: string }): string {
  return `${place.protocol === "https:" ? "wss" : "ws"}://${place.host}/ws`;
}
