// syncd as a client of a stock automerge-repo server.
import assert from "node:assert/strict";
import { test } from "node:test";
import { generateAutomergeUrl, Repo } from "@automerge/automerge-repo";
import { WebSocketServerAdapter } from "@automerge/automerge-repo-network-websocket";
import { WebSocketServer } from "ws";
import { connect, MemoryStorage } from "./clients.mjs";
import { startSyncd, syncctl, syncctlNew, syncctlPath, until } from "./syncd.mjs";

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
      // A stock repo does not flush while it holds a handle of a document that it never got.
      const ready = Object.values(repo.handles).filter((handle) => handle.isReady());
      await repo.flush(ready.map((handle) => handle.documentId));
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => sockets.close(resolve));
    },
  };
}

const skip = syncctlPath ? false : "CONVERGE_SYNCCTL is not set";

test("documents travel between syncctl and clients of a stock server", { skip }, async (t) => {
  let server = await startServer();
  const agent = await startSyncd();
  t.after(() => agent.kill());
  await syncctl(agent, "peer", "add", "cloud", `ws://127.0.0.1:${server.port}/sync`);
  const read = async (url) => {
    const answer = await syncctl(agent, "get", url);
    return answer.value ?? answer;
  };

  // Ours arrives there, and edits go both ways.
  const url = await syncctlNew(agent, "notes/ours", { title: "from syncctl", n: 0 });
  const alice = await connect(`ws://127.0.0.1:${server.port}`, "alice");
  const a = await until(() => alice.repo.find(url).catch(() => undefined), "our document at the server");
  assert.equal(String(a.doc().title), "from syncctl");
  a.change((d) => (d.n = 7));
  await until(async () => (await read(url)).n === 7, "the client's edit here");
  await syncctl(agent, "set", url, "/n", "8");
  await until(() => a.doc().n === 8, "our edit there");

  // A document that only the server has is fetched when it is read here.
  const only = alice.repo.create({ only: "there" });
  await until(() => server.repo.handles[only.documentId]?.isReady(), "the document at the server");
  assert.equal((await read(only.url)).only, "there");
  await assert.rejects(() => syncctl(agent, "get", generateAutomergeUrl()), /doc.not_found/);

  // A document that only the server has: a client of ours asks for it, and we ask the server.
  const b = alice.repo.create({ theirs: true });
  await until(() => server.repo.handles[b.documentId]?.isReady(), "the document at the server");
  const carol = await connect(agent.url, "carol");
  const c = await carol.repo.find(b.url);
  assert.equal(c.doc().theirs, true);
  c.change((d) => (d.more = 1));
  await until(() => b.doc().more === 1, "an edit through agent and server");
  await until(async () => (await read(b.url)).more === 1, "the document at syncctl");
  // One that nobody has is reported missing through the same chain.
  await assert.rejects(() => carol.repo.find(generateAutomergeUrl()));

  // The server goes away and comes back with its storage.
  const { port, storage } = server;
  await server.close();
  await syncctl(agent, "set", url, "/n", "9");
  server = await startServer(port, storage);
  await until(() => a.doc().n === 9, "the edit made while the server was away", 30_000);

  await alice.close();
  await carol.close();
  assert.deepEqual(await agent.stop(), { code: 0, signal: null });
  await server.close();
});
