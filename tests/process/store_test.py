"""What operators do with a store: check, back up, restore, compact, salvage, look inside."""

import glob
import json
import os
import random
import unittest
import xml.etree.ElementTree

from support import ProcessTest, connect, syncctl, wait_until

FLIPS = int(os.environ.get("CONVERGE_TEST_FLIPS", "8"))


class Store(ProcessTest):
    def filled(self, name="laptop", documents=3):
        agent = self.agent(name).start()
        for number in range(documents):
            agent.ok("new", "--name", f"d{number}", "-f", "-", stdin=json.dumps({"n": number, "text": "x" * 300}))
        return agent

    def flip(self, path, offset):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 0x10]))

    def stopped(self, agent, *arguments, code=0):
        answer = syncctl(agent.place, "--store", agent.store, *arguments)
        self.assertEqual(answer.code, code, str(answer))
        return answer

    def make_table(self, agent):
        """Stops and starts again: what the log holds becomes a table."""
        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.assertEqual(agent.stop(), 0)
        return max(glob.glob(os.path.join(agent.store, "db", "*.sst")), key=os.path.getsize)

    def test_a_sound_store_is_sound_running_and_stopped(self):
        agent = self.filled()
        for mode in ([], ["--quick"], ["--deep"], ["--sample", "100"], ["--doc", "d1"]):
            report = agent.json("store", "check", *mode)
            self.assertTrue(report["ok"], report)
        self.assertEqual(agent.json("store", "check", "--deep")["documents"], 4)  # and the catalog
        self.expect(syncctl(agent.place, "--store", agent.store, "store", "check"), 9, "in use")
        agent.stop()

        report = self.stopped(agent, "-o", "json", "store", "check", "--deep", "--junit", agent.place.file("j.xml")).json()
        self.assertTrue(report["ok"], report)
        suite = xml.etree.ElementTree.parse(agent.place.file("j.xml")).getroot()
        self.assertEqual((suite.get("name"), suite.get("failures")), ("syncctl.store", "0"))
        self.assertEqual(glob.glob(os.path.join(agent.store, "tmp", "*")), [])

    def test_16_a_flipped_byte_anywhere_is_found(self):
        agent = self.filled(documents=4)
        table = self.make_table(agent)
        size, chance = os.path.getsize(table), random.Random(16)
        # The last 48 bytes are the footer, which no checksum covers.
        places = [size - 1 - chance.randrange(48) for _ in range(FLIPS // 2)]
        places += [chance.randrange(size) for _ in range(FLIPS - len(places))]
        for place in places:
            self.flip(table, place)
            answer = syncctl(agent.place, "--store", agent.store, "-o", "json", "store", "check", "--deep")
            self.assertEqual(answer.code, 1, f"byte {place} of {size}: {answer}")
            self.assertIn(os.path.basename(table), [each["where"].get("file") for each in answer.json()["findings"]])
            self.flip(table, place)
        self.stopped(agent, "store", "check", "--deep")

    def test_16_a_flipped_byte_is_found_with_its_place_and_salvage_keeps_the_rest(self):
        agent = self.filled(documents=15)
        # By id: the damage may be in the catalog, which knows the names.
        ids = {number: agent.json("get", f"d{number}", "--meta")["id"] for number in range(15)}
        table = self.make_table(agent)
        self.flip(table, os.path.getsize(table) // 3)

        answer = self.stopped(agent, "-o", "json", "store", "check", "--deep", code=1)
        finding = next(each for each in answer.json()["findings"] if each["code"] == "table.block")
        self.assertEqual(finding["where"]["file"], os.path.basename(table))
        self.assertTrue(finding["next"].startswith("syncctl store"), finding)
        self.assertIn("table.block", self.stopped(agent, "store", "check", "--deep", code=1).out)

        into = agent.place.file("new")
        answer = syncctl(agent.place, "-o", "json", "store", "salvage", agent.store, "--into", into,
                         "--report", agent.place.file("report.json"))
        self.assertIn(answer.code, (0, 10), str(answer))
        report = answer.json()
        self.assertGreaterEqual(report["documents_complete"] + len(report["degraded"]), 15)
        with open(agent.place.file("report.json"), encoding="utf-8") as file:
            self.assertEqual(json.load(file)["store_id"], report["store_id"])
        self.expect(syncctl(agent.place, "store", "salvage", agent.store, "--into", into), 5, "empty")

        # The same store, repaired in place: first the plan, which changes nothing.
        plan = self.stopped(agent, "-o", "json", "store", "repair", code=1).json()
        rewritten = [step["file"] for step in plan["steps"] if step["do"] == "rewrite"]
        self.assertEqual(rewritten, [os.path.basename(table)])
        self.expect(syncctl(agent.place, "--store", agent.store, "store", "repair", "--apply", "--plan", "0"), 5)
        answer = syncctl(agent.place, "--store", agent.store, "-o", "json", "store", "repair", "--apply", "--plan", plan["id"])
        self.assertIn(answer.code, (0, 1), str(answer))
        degraded = [each["id"] for each in answer.json()["degraded"]]
        self.assertIn("nothing to repair", self.stopped(agent, "store", "repair").out)
        agent.start()
        self.assertLess(len(degraded), 15)
        whole = 0
        for number in range(15):
            document = agent.ctl("get", ids[number])
            whole += document.code == 0 and document.json().get("n") == number
        self.assertGreaterEqual(whole, 15 - len(degraded))

    def test_a_damaged_block_with_the_stores_own_records_stops_no_start(self):
        agent = self.filled(documents=3)
        agent.ok("store", "compact", "--tables")
        agent.kill()
        for table in glob.glob(os.path.join(agent.store, "db", "*.sst")):
            blocks = self.stopped(agent, "-o", "json", "debug", "table", table, "--explain").json()["items"]
            own = [each for each in blocks if "u.catalog" in json.dumps(each)]
            if own:
                self.flip(table, own[0]["offset"] + own[0]["bytes"] // 2)
        finding = next(each for each in self.stopped(agent, "-o", "json", "store", "check", "--deep", code=1).json()["findings"]
                       if each["code"] == "table.block")
        self.assertEqual(finding["next"], "syncctl store repair")
        self.assertIn("may lack  settings", self.stopped(agent, "store", "repair", code=1).out)

        agent.start()
        self.assertIn("store.repaired", agent.log_text())
        self.assertTrue(agent.json("store", "check", "--deep")["ok"])
        agent.ok("new", "--name", "later")
        self.assertEqual(agent.ok("get", "later"), "{}")

    def test_a_peer_gives_back_exactly_what_a_damaged_store_lost(self):
        laptop, nas = self.agent("laptop").start(), self.agent("nas").start()
        connect(self, nas, laptop)
        for number in range(8):
            text = random.Random(number).randbytes(600).hex()
            laptop.ok("new", "--name", f"d{number}", "-f", "-", stdin=json.dumps({"text": text}))
            laptop.ok("set", f"d{number}", "/more", json.dumps(text[::-1]))
        self.assert_alike(laptop, nas)
        # From here on nothing of the peer is taken unasked.
        laptop.ok("peer", "set", "nas", "--policy", "push")
        table = self.make_table(laptop)
        self.flip(table, os.path.getsize(table) // 2)
        laptop.start()

        # The agent may meet the damage itself and repair it before it is told to.
        self.expect(laptop.ctl("store", "repair", "--apply", "--plan", "0"), 5, "plan")
        self.assertEqual(laptop.ctl("-o", "json", "store", "repair").code, 1)
        answer = laptop.ctl("-o", "json", "store", "repair", "--apply")
        self.assertEqual(answer.code, 1, str(answer))
        lost = {each["id"]: len(each["missing"]) for each in answer.json()["degraded"]}
        self.assertTrue(lost and all(lost.values()), lost)
        entries = laptop.json("quarantine", "ls")["items"]
        self.assertEqual({entry["id"] for entry in entries}, set(lost))
        self.assertEqual({entry["state"] for entry in entries}, {"degraded"})
        self.assertEqual(laptop.json("status")["quarantine"]["entries"], len(entries))
        hurt = next(iter(lost))
        self.expect(laptop.ctl("set", hurt, "/more", "1"), 8, "degraded", "store repair")
        self.expect(laptop.ctl("get", hurt), 0, "degraded")
        self.assertIn("degraded", laptop.ok("quarantine", "ls"))
        self.expect(laptop.ctl("quarantine", "retry", entries[0]["entry"]), 8, "still degraded", "store repair")
        self.expect(laptop.ctl("store", "repair", "--apply", "--from-peer", "nobody"), 1, "nobody")

        wait_until(lambda: laptop.json("peer", "show", "nas")["state"] == "up", "the peer is there again")
        healed = laptop.json("store", "repair", "--apply", "--from-peer", "nas")
        self.assertEqual(healed["degraded"], [])
        self.assertGreaterEqual(healed["fetched"], sum(lost.values()))
        self.assertEqual({each["state"] for each in laptop.json("quarantine", "ls")["items"]}, {"resolved"})
        laptop.ok("set", hurt, "/more", "1")
        entry = entries[0]["entry"]
        laptop.ok("quarantine", "retry", entry)
        self.assertIn("Lost:", laptop.ok("quarantine", "show", entry))
        laptop.ok("quarantine", "export", entry, "--to", laptop.place.file("bytes"))
        self.assertGreater(os.path.getsize(laptop.place.file("bytes")), 0)
        laptop.ok("quarantine", "drop", "--yes", *[each["entry"] for each in entries])
        self.expect(laptop.ctl("quarantine", "show", entry), 3)
        laptop.ok("peer", "set", "nas", "--policy", "sync")
        self.assert_alike(laptop, nas)

    def test_a_compaction_that_meets_damage_is_repaired_without_being_told(self):
        agent = self.filled(documents=1)
        for number in range(12):
            text = random.Random(number).randbytes(2000).hex()
            agent.ok("new", "-f", "-", stdin=json.dumps({"text": text}))
        table = self.make_table(agent)
        self.flip(table, os.path.getsize(table) // 3)
        agent.start()
        agent.ctl("store", "compact", "--tables")
        # LevelDB says so with the next write, which may have this as its answer.
        agent.ctl("new", "-f", "-", stdin='{"before": 1}')
        wait_until(lambda: "store.repaired" in agent.ok("agent", "logs"), "the table is repaired")
        wait_until(lambda: agent.json("status")["store"]["state"] in ("ok", "degraded"), "it takes writes again")
        agent.ok("new", "-f", "-", stdin='{"after": 1}')
        self.assertEqual(len(glob.glob(os.path.join(agent.store, "quarantine", "*.sst"))), 1)
        agent.ok("store", "compact", "--tables")

    def test_old_files_and_folders_of_other_programs_become_documents(self):
        place = self.place("import")
        good = '{"key":"k%d","value":"v%d","timestamp":%d,"node":"n"}'
        old = place.write("old.log", "\n".join([good % (1, 1, 1), '{"key":"torn","va' + good % (2, 2, 2), "junk", ""]))
        store = place.file("store")
        report = syncctl(place, "-o", "json", "store", "import-legacy", old, "--into", store)
        self.assertEqual(report.code, 10, str(report))
        self.assertEqual(report.json()["operations"], 2)
        spans = [(span["offset"], span["bytes"]) for span in report.json()["damaged"]]
        first = len(good % (1, 1, 1)) + 1
        self.assertEqual(spans, [(first, 17), (first + 17 + len(good % (2, 2, 2)) + 1, 4)])
        answer = syncctl(place, "--store", store, "get", "legacy/old")
        self.assertEqual(answer.json(), {"k1": "v1", "k2": "v2"})
        self.expect(syncctl(place, "store", "import-legacy", old, "--into", store), 5, "empty")
        self.expect(syncctl(place, "store", "import-legacy", place.write("no", "no"), "--into", place.file("x")), 8)
        self.assertFalse(os.path.exists(place.file("x")))

        # The whole store leaves and comes back under its names and ids.
        exported, again = place.file("exported"), place.file("again")
        self.assertEqual(syncctl(place, "--store", store, "export", "**", "--to", exported + "/").code, 0)
        os.mkdir(again, 0o700)
        self.assertEqual(syncctl(place, "--store", again, "import", exported).code, 0)
        roots = {syncctl(place, "--store", each, "ls", "-o", "json").json()["items"][0]["id"] for each in (store, again)}
        self.assertEqual(len(roots), 1)
        # automerge-repo's folder, with a file that a crash left empty.
        name = roots.pop().split(":")[1]
        folder = place.file("nodefs", name[:2], name[2:], "snapshot")
        os.makedirs(folder)
        os.rename(os.path.join(exported, "legacy%2Fold.automerge"), os.path.join(folder, "abc"))
        open(os.path.join(folder, "empty"), "w").close()
        third = place.file("third")
        os.mkdir(third, 0o700)
        # A mistyped name, or a disk that is not mounted: looking makes no store of it.
        self.expect(syncctl(place, "--store", third, "store", "stats"), 8, "it is empty")
        self.assertEqual(os.listdir(third), [])
        self.expect(syncctl(place, "--store", third, "import", place.file("nodefs")), 10, "it is empty")
        self.assertEqual(syncctl(place, "--store", third, "get", f"automerge:{name}").json(), {"k1": "v1", "k2": "v2"})

    def test_a_purged_document_leaves_nothing_on_the_disk(self):
        agent = self.filled(documents=2)
        secret = random.Random(5).randbytes(40).hex()
        agent.ok("new", "--name", "hr/anna", "-f", "-", stdin=json.dumps({"secret": secret}))

        def is_on_disk():
            files = glob.glob(os.path.join(agent.store, "db", "*"))
            return any(secret.encode() in open(file, "rb").read() for file in files if not file.endswith("LOCK"))

        self.assertTrue(is_on_disk())
        self.expect(agent.ctl("rm", "--purge", "hr/anna"), 13, "--confirm hr/anna")
        item = agent.json("rm", "--purge", "--confirm", "hr/anna", "hr/anna")["items"][0]
        self.assertTrue(item["purged"], item)
        self.assertGreater(item["entries_erased"], 0)
        self.assertFalse(is_on_disk())
        self.expect(agent.ctl("get", "hr/anna"), 3)
        self.assertTrue(agent.json("store", "check", "--deep")["ok"])

    def test_a_backup_of_a_running_store_restores_to_the_same_documents(self):
        agent = self.filled()
        monday, tuesday = agent.place.file("monday"), agent.place.file("tuesday")
        agent.json("store", "backup", monday)
        agent.ok("set", "d0", "/later", "true")
        report = agent.json("store", "backup", "--incremental", tuesday)
        self.assertEqual(report["based_on"], monday)
        digest = agent.json("digest", "--root")
        self.expect(agent.ctl("store", "backup", monday), 5, "empty")
        self.assertTrue(agent.json("store", "check", "--backup", tuesday)["ok"])

        into = agent.place.file("restored")
        answer = syncctl(agent.place, "store", "restore", "-n", tuesday, "--into", into)
        self.assertEqual((answer.code, os.path.exists(into)), (0, False), str(answer))
        answer = syncctl(agent.place, "-o", "json", "store", "restore", tuesday, "--into", into, "--check", "deep")
        self.assertEqual(answer.code, 0, str(answer))
        self.assertTrue(answer.json()["check"]["ok"])
        earlier = agent.place.file("earlier")
        answer = syncctl(agent.place, "-o", "json", "store", "restore", tuesday, "--into", earlier, "--at", "#4")
        self.assertEqual((answer.code, answer.json()["seq"], answer.json()["check"]["ok"]), (0, 4, True), str(answer))
        mine = agent.json("store", "id")["store_id"]
        agent.stop()
        restored = syncctl(agent.place, "--store", into, "-o", "json", "digest", "--root")
        self.assertEqual(restored.json()["root"], digest["root"])
        other = syncctl(agent.place, "--store", into, "store", "id").out.strip()
        self.assertNotEqual(other, mine)
        newer = syncctl(agent.place, "--store", into, "store", "id", "--new").out.strip()
        self.assertEqual(syncctl(agent.place, "--store", into, "store", "id").out.strip(), newer)
        self.assertNotIn(newer, (mine, other))

    def test_a_backup_with_one_byte_changed_restores_nothing(self):
        agent = self.filled()
        backup = agent.place.file("b")
        agent.ok("store", "backup", backup)
        log = glob.glob(os.path.join(backup, "db", "*.log"))[0]
        self.flip(log, 200)
        into = agent.place.file("restored")

        self.expect(syncctl(agent.place, "store", "restore", backup, "--into", into), 8, "backup.file")
        self.assertFalse(os.path.exists(into))
        answer = syncctl(agent.place, "store", "check", "--backup", backup)
        self.assertEqual(answer.code, 1, str(answer))
        self.assertIn("backup.file: its contents", answer.out)
        self.flip(os.path.join(backup, "BACKUP"), 20)
        self.expect(syncctl(agent.place, "store", "check", "--backup", backup), 8, "BACKUP")
        self.expect(syncctl(agent.place, "store", "restore", agent.store, "--into", into), 8, "not a backup")

    def test_compaction_happens_by_itself_and_changes_nothing(self):
        agent = self.filled(documents=1)
        for number in range(8):
            agent.ok("set", "d0", f"/k{number}", json.dumps("y" * 10_000 + str(number)))
        before = agent.ok("get", "d0"), agent.ok("heads", "d0")
        log = [each["hash"] for each in agent.json("log", "d0")["items"]]
        seq = agent.json("get", "d0", "--meta")["seq"]
        self.assertGreater(seq, 8)

        # 80 kB behind no snapshot is more than the 64 KiB that make one due.
        wait_until(lambda: agent.json("store", "check", "--doc", "d0")["changes"] < 9, "the tail to become a snapshot")
        self.assertEqual((agent.ok("get", "d0"), agent.ok("heads", "d0")), before)
        self.assertEqual([each["hash"] for each in agent.json("log", "d0")["items"]], log)
        self.assertEqual(agent.json("get", "d0", "--meta")["seq"], seq)
        self.assertEqual(agent.json("ls", "d0")["items"][0]["seq"], seq)
        agent.kill()
        agent.start()
        self.assertEqual((agent.ok("get", "d0"), agent.ok("heads", "d0")), before)
        self.assertTrue(agent.json("store", "check", "--deep")["ok"])

    def test_statistics_name_the_largest_documents(self):
        agent = self.filled()
        agent.ok("set", "d1", "/big", json.dumps("z" * 5000))
        stats = agent.json("store", "stats", "--top", "2")
        self.assertEqual(stats["top"][0]["name"], "d1")
        self.assertEqual(len(stats["top"]), 2)
        self.assertEqual(stats["state"], "open")
        self.assertIn("log.sync", stats["operations"])

    def test_what_is_no_store_is_refused_by_name(self):
        agent = self.agent("laptop")
        folder = agent.place.file("folder")
        os.makedirs(folder)
        missing = agent.place.file("missing")
        for arguments, code in ((["store", "check"], 8), (["store", "id", "--new"], 8)):
            answer = syncctl(agent.place, "--store", folder, *arguments)
            self.expect(answer, code)
        self.expect(syncctl(agent.place, "--store", missing, "store", "check"), 3, "missing")
        self.expect(syncctl(agent.place, "store", "salvage", folder, "--into", missing), 8, "not a store")
        self.expect(syncctl(agent.place, "store", "restore", missing, "--into", folder), 8)
        self.assertEqual(os.listdir(folder), [])
        file = agent.place.write("folder/f", "x")
        self.expect(syncctl(agent.place, "--store", file, "ls"), 8, "it is a file", "input.file")
        self.expect(syncctl(agent.place, "--store", folder, "ls"), 8, "not a store", "input.file")
        self.expect(syncctl(agent.place, "--store", missing, "ls"), 3, "no store")
        to = agent.place.file("bundle.tar")
        self.expect(syncctl(agent.place, "--store", missing, "bundle", "--to", to), 10, "no store")
        self.assertEqual((os.listdir(folder), os.path.exists(missing)), (["f"], False))


if __name__ == "__main__":
    unittest.main(verbosity=2)
