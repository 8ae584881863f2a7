"""Pebble reads what the store wrote: count and digest over all keys and values, by Pebble's own code.

Pebble v1.1 opens backups read-only; v2 refuses the directory and leaves every file as it was. Exits
with 77, and says why, where Go or its modules are missing. CONVERGE_PEBBLE_MB sets the size of the
large store (100 in a nightly run);
CONVERGE_PEBBLE_V1 and _V2 name programs that are built already.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "..", "process"))

from support import SKIPPED, ProcessTest, syncctl  # noqa: E402

BUILD_S = 400
LARGE_MB = int(os.environ.get("CONVERGE_PEBBLE_MB", "3"))


def build(version, into):
    """The program of v1/ or v2/; nothing, and a reason, where it cannot be built."""
    ready = os.environ.get("CONVERGE_PEBBLE_" + version.upper())
    if ready:
        shutil.copy(ready, into)
        return os.path.join(into, os.path.basename(ready)), None
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if go is None:
        return None, "go is not installed"
    program = os.path.join(into, version)
    environment = dict(os.environ, GOFLAGS="-mod=readonly", GOTOOLCHAIN="local")
    try:
        done = subprocess.run([go, "build", "-o", program, "."], cwd=os.path.join(HERE, version), env=environment,
                              capture_output=True, text=True, timeout=BUILD_S)
    except subprocess.TimeoutExpired:
        return None, f"building took more than {BUILD_S} s"
    if done.returncode != 0:
        return None, "\n".join(done.stderr.strip().splitlines()[-3:])
    return program, None


def tree(directory):
    """Every file below with its contents' hash; LOCK is left out, Pebble truncates it."""
    found = {}
    for folder, _, names in os.walk(directory):
        for name in names:
            if name == "LOCK":
                continue
            with open(os.path.join(folder, name), "rb") as file:
                found[os.path.relpath(os.path.join(folder, name), directory)] = hashlib.sha256(file.read()).hexdigest()
    return found


class Pebble(ProcessTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.programs = BUILT

    def copy_of(self, backup):
        """A copy that Pebble may lock: a backup's files are read-only."""
        copy = tempfile.mkdtemp(prefix="converge-pebble-")
        self.addCleanup(shutil.rmtree, copy, True)
        shutil.copytree(os.path.join(backup, "db"), os.path.join(copy, "db"))
        for folder, _, names in os.walk(copy):
            for name in names:
                os.chmod(os.path.join(folder, name), 0o600)
        return os.path.join(copy, "db")

    def assert_same(self, agent, backup):
        mine = syncctl(agent.place, "debug", "kv", "--digest", backup)
        self.assertEqual(mine.code, 0, str(mine))
        theirs = subprocess.run([self.programs["v1"], self.copy_of(backup)], capture_output=True, text=True)
        self.assertEqual(theirs.returncode, 0, theirs.stderr)
        self.assertEqual(theirs.stdout, mine.out)
        return int(mine.out.split()[0])

    def backed_up(self, agent, name):
        backup = agent.place.file(name)
        agent.ok("store", "backup", backup)
        return backup

    def test_an_empty_store(self):
        agent = self.agent("laptop").start()
        self.assertGreater(self.assert_same(agent, self.backed_up(agent, "b")), 0)

    def test_a_store_that_is_only_a_log(self):
        agent = self.agent("laptop").start()
        for number in range(5):
            agent.ok("new", "--name", f"d{number}", "-f", "-", stdin=json.dumps({"n": number}))
        agent.kill()
        backup = agent.place.file("killed")
        shutil.copytree(agent.store, backup)
        self.assertGreater(self.assert_same(agent, backup), 20)

    def test_a_compacted_store_and_what_repair_and_salvage_make_of_it_damaged(self):
        agent = self.agent("laptop").start()
        written = 0
        number = 0
        while written < LARGE_MB << 20:
            # Bytes that do not compress, so that the tables have the size.
            value = os.urandom(48 << 10).hex()
            agent.ok("new", "--name", f"d{number}", "-f", "-", stdin=json.dumps({"v": value}))
            written += len(value)
            number += 1
        agent.ok("store", "compact", "--docs", "--tables")
        backup = self.backed_up(agent, "b")
        self.assert_same(agent, backup)
        agent.stop()

        tables = [name for name in os.listdir(os.path.join(agent.store, "db")) if name.endswith(".sst")]
        largest = max(tables, key=lambda name: os.path.getsize(os.path.join(agent.store, "db", name)))
        with open(os.path.join(agent.store, "db", largest), "r+b") as file:
            file.seek(5000)
            file.write(b"rot")
        salvaged = agent.place.file("salvaged")
        answer = syncctl(agent.place, "store", "salvage", agent.store, "--into", salvaged)
        self.assertIn(answer.code, (0, 10), str(answer))
        kept = self.assert_same(agent, salvaged)
        # In place: the damaged table is written anew, the MANIFEST is ours and not LevelDB's.
        answer = syncctl(agent.place, "--store", agent.store, "store", "repair", "--apply")
        self.assertIn(answer.code, (0, 1), str(answer))
        self.assertNotIn(largest, os.listdir(os.path.join(agent.store, "db")))
        self.assertGreaterEqual(self.assert_same(agent, agent.store), kept - 20)

    def test_version_2_refuses_and_touches_nothing(self):
        if "v2" in WITHOUT:
            self.skipTest(f"Pebble v2 cannot be built: {WITHOUT['v2']}")
        agent = self.agent("laptop").start()
        agent.ok("new", "--name", "d", "-f", "-", stdin="{}")
        copy = self.copy_of(self.backed_up(agent, "b"))
        before = tree(copy)
        refused = subprocess.run([self.programs["v2"], copy], capture_output=True, text=True)
        self.assertEqual(refused.returncode, 0, refused.stdout + refused.stderr)
        self.assertEqual(tree(copy), before, refused.stdout)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="converge-pebble-go-") as PROGRAMS:
        WITHOUT, BUILT = {}, {}
        for each in ("v1", "v2"):
            BUILT[each], reason = build(each, PROGRAMS)
            if reason:
                print(f"SKIPPED: Pebble {each} cannot be built: {reason}", file=sys.stderr)
                WITHOUT[each] = reason
        if "v1" in WITHOUT:
            sys.exit(SKIPPED)
        outcome = unittest.main(verbosity=2, exit=False)
        sys.exit(0 if outcome.result.wasSuccessful() else 1)
