// Starts the agent under test and, where there is one, the command line beside it.
import { execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

export const syncctlPath = process.env.CONVERGE_SYNCCTL;

/** An agent in memory on a free port. `stop()` ends it and reports whether it ended well. */
export async function startSyncd(extra = []) {
  const directory = mkdtempSync(join(tmpdir(), "converge-repo-"));
  const ready = join(directory, "ready.json");
  const socket = join(directory, "run", "syncd.sock");
  const child = spawn(
    process.env.CONVERGE_SYNCD,
    ["--ephemeral", "--ready-file", ready, "--socket", socket, "--listen", "127.0.0.1:0", ...extra],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  let gone;
  ended.then((how) => (gone = how));
  await until(() => {
    if (gone) throw new Error(`syncd ended before it was ready: ${JSON.stringify(gone)}`);
    return existsSync(ready);
  }, "the ready file", 30_000);
  const facts = JSON.parse(readFileSync(ready, "utf8"));
  return {
    url: facts.url,
    port: Number(new URL(facts.url).port),
    socket,
    kill: async (signal = "SIGKILL") => {
      child.kill(signal);
      await ended;
    },
    stop: async () => {
      child.kill("SIGTERM");
      const how = await ended;
      rmSync(directory, { recursive: true, force: true });
      return how;
    },
  };
}

/** Runs `syncctl -o json ARGS` against the agent and returns what it printed, parsed. */
export async function syncctl(agent, ...args) {
  const { stdout } = await promisify(execFile)(syncctlPath, ["--socket", agent.socket, "-o", "json", ...args], {
    timeout: 30_000,
  });
  return stdout.trim() === "" ? undefined : JSON.parse(stdout);
}

/** Makes a document with this first state and name; its URL. */
export async function syncctlNew(agent, name, state) {
  const file = join(dirname(agent.socket), "new.json");
  writeFileSync(file, JSON.stringify(state));
  const ack = await syncctl(agent, "new", "--name", name, "-f", file);
  return ack.url ?? ack.id;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until `condition` holds; what it returns comes back. */
export async function until(condition, what, ms = 15_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${ms} ms in vain for ${what}`);
    await sleep(5);
  }
}
