"""record and replay over a real agent; what comes while somebody looks on; signals end it in good order."""

import json
import os
import signal
import subprocess
import unittest

from support import DEADLINE_S, SYNCCTL, ProcessTest, wait_until


class Stream:
    """syncctl in the background, its lines read as they come."""

    def __init__(self, agent, *arguments):
        self.process = subprocess.Popen([SYNCCTL, "--socket", agent.socket_path, *arguments],
                                        env=agent.place.environment, cwd=agent.place.path, text=True,
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def said(self):
        return self.process.stderr.readline().rstrip("\n")

    def end(self, number=signal.SIGINT):
        """The exit status after the signal, the rest of stdout and of stderr."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=DEADLINE_S)
        return self.process.returncode, out, err


class Record(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop").start()
        self.laptop.ok("new", "--name", "todo/home", "-f", "-", stdin='{"title":"Secret plan","n":1}')
        base = self.laptop.ok("heads", "todo/home")
        for key in ("/x", "/y"):
            self.laptop.ok("set", "todo/home", key, "1", "--base", base)
        self.laptop.ok("new", "--name", "notes", "-f", "-", stdin='{"a":[1,2]}')

    def file(self, name):
        return os.path.join(self.laptop.place.path, name)

    def test_a_recording_replays_to_the_same_documents(self):
        recorder = Stream(self.laptop, "record", "--to", "log.ndjson")
        self.assertIn("recording what comes", recorder.said())
        self.laptop.ok("set", "notes", "/a/0", "7")
        self.laptop.ok("new", "--name", "late", "-f", "-", stdin='{"late":true}')
        self.laptop.ok("new", "--name", "gone", "-f", "-", stdin='{}')
        self.laptop.ok("rm", "gone")
        # A name that is free again is another document's.
        self.laptop.ok("name", "set", "old/notes", "notes")
        self.laptop.ok("name", "rm", "notes")
        self.laptop.ok("name", "set", "notes", "late")
        self.laptop.ok("name", "rm", "late")
        # The last of them has arrived when the recorder has asked for it; the mark tells.
        root = self.laptop.ok("digest", "--root")
        self.assertFalse(os.path.exists(self.file("log.ndjson")), "it appears whole, at the end")
        wait_until(lambda: self.recorded() >= 7 and self.recorded('"name":"late"', '"id":null') == 1,
                   "the recorder to have everything")
        code, out, err = recorder.end()
        self.assertEqual(code, -signal.SIGINT, err)
        self.assertIn("stopping", err)
        self.assertEqual(out.rstrip("\n").split("\t")[2:], ["3 documents", root])

        replay = self.laptop.json("replay", self.file("log.ndjson"), "--expect",
                                  self.file("log.ndjson"))
        self.assertEqual((replay["digest"], replay["complete"]), (root, True))
        self.assertEqual(names_and_ids(replay), names_and_ids(self.laptop.json("digest")))
        self.laptop.ok("replay", self.file("log.ndjson"), "--into", self.file("again"))
        place = self.place("again")
        digest = subprocess.run([SYNCCTL, "--store", self.file("again"), "digest", "--root"], env=place.environment,
                                capture_output=True, text=True, timeout=DEADLINE_S).stdout.strip()
        self.assertEqual(digest, root)
        listed = subprocess.run([SYNCCTL, "--store", self.file("again"), "name", "ls"], env=place.environment,
                                capture_output=True, text=True, timeout=DEADLINE_S).stdout
        self.assertEqual(listed, self.laptop.ok("name", "ls") + "\n")

    def recorded(self, *words):
        """Lines in the file that is being written: those with the words, else changes and deletions."""
        for name in os.listdir(self.laptop.place.path):
            if name.startswith(".log.ndjson"):
                with open(self.file(name), encoding="utf-8") as file:
                    lines = file.readlines()
                if words:
                    return sum(all(word in line for word in words) for line in lines)
                return sum('"RecordedChange"' in line or '"RecordedDelete"' in line for line in lines)
        return 0

    def test_an_anonymous_recording_says_nothing_and_has_the_same_shape(self):
        self.laptop.ok("record", "--to", self.file("anon.ndjson"), "--for", "0", "--payloads", "anonymous")
        with open(self.file("anon.ndjson"), encoding="utf-8") as file:
            text = file.read()
        for word in ("Secret", "title", "todo", "home", "notes"):
            self.assertNotIn(word, text)
        replay = self.laptop.json("replay", self.file("anon.ndjson"), "--expect", self.file("anon.ndjson"))
        self.assertEqual((replay["changes"], replay["documents"]), (4, 2))
        self.laptop.ok("record", "--to", self.file("none.ndjson"), "--for", "0", "--payloads", "none")
        self.expect(self.laptop.ctl("replay", self.file("none.ndjson")), 8, "--payloads full")
        self.expect(self.laptop.ctl("record", "--to", self.file("none.ndjson"), "--for", "0"), 5, "--force")

    def test_log_follow_shows_each_change_once(self):
        follow = Stream(self.laptop, "log", "--follow", "-l", "1", "-o", "ndjson")
        first = json.loads(follow.line())
        self.assertEqual(first["name"], "notes")
        for value in range(3):
            self.laptop.ok("set", "notes", "/n", str(value), "-m", f"step {value}")
        seen = [json.loads(follow.line()) for _ in range(3)]
        self.assertEqual([change["message"] for change in seen], ["step 0", "step 1", "step 2"])
        self.assertEqual(follow.end()[0], -signal.SIGINT)
        self.expect(self.laptop.ctl("log", "--follow", "--graph"), 2, "--graph")

    def test_the_past_is_listed_as_it_was(self):
        then = self.laptop.json("log", "notes", "-l", "1")["items"][0]["received_seq"]
        before = self.laptop.json("digest")
        self.laptop.ok("set", "notes", "/a/0", "9")
        self.laptop.ok("new", "--name", "late", "-f", "-", stdin='{}')
        at = ("--at", f"#{then}")
        self.assertEqual(self.laptop.json("digest", *at)["items"], before["items"])
        self.assertEqual(self.laptop.ok("digest", "--root", *at), before["root"])
        self.assertEqual([item["name"] for item in self.laptop.json("ls", *at)["items"]], ["notes", "todo/home"])
        self.assertEqual(self.laptop.json("ls", "notes", *at)["items"][0]["changes"], 1)
        self.assertEqual(len(self.laptop.json("log", "notes", *at)["items"]), 1)
        self.assertEqual(len(self.laptop.json("log", *at)["items"]), 4)
        diff = self.laptop.json("diff", "notes", *at)
        self.assertEqual((diff["from"], diff["patch"][0]["path"]), ([], "/a"))
        self.expect(self.laptop.ctl("diff", "notes", "--to", "1234567", *at), 2, "--at")

    def test_int_ends_waiting_and_watching_in_good_order(self):
        watch = Stream(self.laptop, "watch", "notes", "--initial", "-o", "ndjson")
        self.assertEqual(json.loads(watch.line())["type"], "created")
        wait = Stream(self.laptop, "wait", "notes", "--for", "value=/never=1", "--timeout", "0")
        self.assertEqual(json.loads(watch.line())["type"], "live")
        code, _, err = watch.end()
        self.assertEqual((code, err), (-signal.SIGINT, ""))
        # Only a wait that has begun catches the signal.
        wait_until(lambda: caught(wait.process.pid, signal.SIGINT), "the wait to have begun")
        code, out, err = wait.end(signal.SIGTERM)
        self.assertEqual((code, out), (-signal.SIGTERM, ""), err)
        self.assertIn("/never", err)


def names_and_ids(digest):
    return sorted((item["id"], item["name"]) for item in digest["items"])


def caught(pid, number):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        mask = next(line for line in status if line.startswith("SigCgt:"))
    return int(mask.split()[1], 16) >> (number - 1) & 1


if __name__ == "__main__":
    unittest.main()
