// syncd as a client of a stock automerge-repo server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { Repo } from "@automerge/automerge-repo";
import { WebSocketServerAdapter } from "@automerge/automerge-repo-network-websocket";
import { WebSocketServer } from "ws";
import { connect, MemoryStorage } from "./clients.mjs";
import { startSyncd, syncctl, syncctlPath, until } from "./syncd.mjs";

/** Configured like the public sync server: storage, and nothing announced. */
async function startServer(port = 0, storage = new MemoryStorage()) {
  const sockets = new WebSocketServer({ port, host: "127.0.0.1" });
  await new Promise((resolve) => sockets.on("listening", resolve));
  const repo = new Repo({
    network: [new WebSocketServerAdapter(sockets)],
    storage,
    peerId: "storage-server-test",
    sharePolicy: async () => false,
  });
  return {
    repo,
    storage,
    port: sockets.address().port,
    close: async () => {
      await repo.shutdown();
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

const skip = syncctlPath ? false : "CONVERGE_SYNCCTL is not set";

test("documents travel between syncctl and clients of a stock server", { skip }, async () => {
  let server = await startServer();
  const agent = await startSyncd();
  await syncctl(agent, "peer", "add", "cloud", `ws://127.0.0.1:${server.port}/sync`);
  const read = async (url) => {
    const answer = await syncctl(agent, "get", url);
    return answer.value ?? answer;
  };

  // Ours arrives there, and edits go both ways.
  const ack = await syncctl(agent, "new", "--name", "notes/ours", '{"title":"from syncctl","n":0}');
  const url = ack.url ?? ack.id;
  const alice = await connect(`ws://127.0.0.1:${server.port}`, "alice");
  const a = await until(() => alice.repo.find(url).catch(() => undefined), "our document at the server");
  assert.equal(String(a.doc().title), "from syncctl");
  a.change((d) => (d.n = 7));
  await until(async () => (await read(url)).n === 7, "the client's edit here");
  await syncctl(agent, "set", url, "/n", "8");
  await until(() => a.doc().n === 8, "our edit there");

  // A document that only the server has is fetched when it is asked for.
  const b = alice.repo.create({ theirs: true });
  await until(() => server.repo.handles[b.documentId]?.isReady(), "the document at the server");
  assert.equal((await read(b.url)).theirs, true);
  b.change((d) => (d.more = 1));
  await until(async () => (await read(b.url)).more === 1, "a later edit of it");

  // The server goes away and comes back with its storage.
  const { port, storage } = server;
  await server.close();
  await syncctl(agent, "set", url, "/n", "9");
  server = await startServer(port, storage);
  await until(() => a.doc().n === 9, "the edit made while the server was away", 30_000);

  await alice.close();
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  await server.close();
});
