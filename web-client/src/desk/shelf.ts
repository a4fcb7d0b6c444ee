// Where the desk keeps things on this device: names and values, in IndexedDB or in memory.

const DATABASE = "aman-desk";
const STORE = "things";

/** A few operations, each of them whole. */
export interface Shelf {
  get(name: string): Promise<unknown>;
  put(name: string, value: unknown): Promise<void>;
  /** Puts it where nothing is yet, and answers what is there then. */
  putFirst(name: string, value: unknown): Promise<unknown>;
  remove(name: string): Promise<void>;
  /** Names that begin with `prefix`. */
  names(prefix: string): Promise<string[]>;
}

/** For tests, and for a browser that keeps nothing. */
export function memoryShelf(): Shelf {
  const things = new Map<string, unknown>();
  return {
    get: (name) => Promise.resolve(things.get(name)),
    put: (name, value) => {
      things.set(name, value);
      return Promise.resolve();
    },
    putFirst: (name, value) => {
      if (!things.has(name)) things.set(name, value);
      return Promise.resolve(things.get(name));
    },
    remove: (name) => {
      things.delete(name);
      return Promise.resolve();
    },
    names: (prefix) => Promise.resolve([...things.keys()].filter((name) => name.startsWith(prefix))),
  };
}

/** The browser's own. */
export function browserShelf(): Shelf {
  return {
    get: (name) => within("readonly", (store) => finished(store.get(name) as IDBRequest<unknown>)),
    put: (name, value) =>
      within("readwrite", async (store) => {
        await finished(store.put(value, name));
      }),
    putFirst: (name, value) =>
      within("readwrite", async (store) => {
        const there = await finished(store.get(name) as IDBRequest<unknown>);
        if (there !== undefined) return there;
        await finished(store.put(value, name));
        return value;
      }),
    remove: (name) => within("readwrite", (store) => finished(store.delete(name))),
    names: (prefix) =>
      within("readonly", async (store) => {
        const all = await finished(store.getAllKeys());
        return all.filter((name): name is string => typeof name === "string" && name.startsWith(prefix));
      }),
  };
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => Promise<T>): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1);
  opening.onupgradeneeded = () => void opening.result.createObjectStore(STORE);
  const database = await finished(opening);
  try {
    const transaction = database.transaction(STORE, mode, { durability: "strict" });
    const done = new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => { resolve(); };
      transaction.onabort = () => { reject(transaction.error ?? new Error("storage")); };
    });
    const [answer] = await Promise.all([work(transaction.objectStore(STORE)), done]);
    return answer;
  } finally {
    database.close();
  }
}

function finished<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => { resolve(request.result); };
    request.onerror = () => { reject(request.error ?? new Error("storage")); };
  });
}
