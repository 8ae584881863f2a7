// Stock automerge-repo clients, and a TCP relay in front of the agent that can be cut.
import net from "node:net";
import { Repo } from "@automerge/automerge-repo";
import { WebSocketClientAdapter } from "@automerge/automerge-repo-network-websocket";
import { until } from "./syncd.mjs";

const kRetryMs = 150;

/** A storage adapter in memory: with it a client has a storage id and keeps sync states. */
export class MemoryStorage {
  #values = new Map();
  async load(key) {
    return this.#values.get(key.join("\n"));
  }
  async save(key, value) {
    this.#values.set(key.join("\n"), value);
  }
  async remove(key) {
    this.#values.delete(key.join("\n"));
  }
  #under(prefix) {
    const text = prefix.join("\n");
    return [...this.#values.keys()].filter((k) => k === text || k.startsWith(text + "\n"));
  }
  async loadRange(prefix) {
    return this.#under(prefix).map((k) => ({ key: k.split("\n"), data: this.#values.get(k) }));
  }
  async removeRange(prefix) {
    for (const k of this.#under(prefix)) this.#values.delete(k);
  }
}

export function makeClient(url, peerId, options = {}) {
  const adapter = new WebSocketClientAdapter(url, kRetryMs);
  const repo = new Repo({ network: [adapter], peerId, ...options });
  // The stock adapter asserts that it has a socket, and shutdown() has taken it away already.
  const close = () => {
    // A socket that is connecting again right now ends with an error that nobody listens to otherwise.
    adapter.socket?.addEventListener("error", () => {});
    return repo.shutdown().catch(() => {});
  };
  return { repo, adapter, close };
}

/** A client that is connected. */
export async function connect(url, peerId, options) {
  const client = makeClient(url, peerId, options);
  await until(() => client.repo.peers.length > 0, `${peerId} to connect`);
  return client;
}

/** Finds a document that another client has just made: its first message may still be under way. */
export const find = (repo, url) => until(() => repo.find(url).catch(() => undefined), url);

/** Passes bytes on to 127.0.0.1:port, counts them, and can be cut and mended. */
export async function startRelay(port) {
  const open = new Set();
  const relay = { bytes: 0 };
  const onConnection = (client) => {
    const server = net.connect(port, "127.0.0.1");
    for (const [from, to] of [[client, server], [server, client]]) {
      open.add(from);
      from.on("data", (data) => {
        relay.bytes += data.length;
        to.write(data);
      });
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
      from.on("error", () => to.destroy());
    }
  };
  let listener;
  const listen = (at) =>
    new Promise((resolve) => {
      listener = net.createServer(onConnection).listen(at, "127.0.0.1", () => resolve(listener.address().port));
    });
  const own = await listen(0);
  relay.url = `ws://127.0.0.1:${own}`;
  relay.cut = async () => {
    const closed = new Promise((resolve) => listener.close(resolve));
    for (const socket of open) socket.destroy();
    await closed;
  };
  relay.mend = () => listen(own);
  relay.retarget = (other) => (port = other);
  return relay;
}

export const sameHeads = (a, b) => JSON.stringify([...a.heads()].sort()) === JSON.stringify([...b.heads()].sort());
