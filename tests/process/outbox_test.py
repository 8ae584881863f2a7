"""With the agent down, writes wait in the user's outbox and reach it exactly once."""

import json
import os
import threading
import unittest

from support import ProcessTest, seed, wait_until


class Outbox(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop").start()
        self.laptop.ok("new", "--name", "n", "-f", "-", stdin='{"count": {"$counter": 0}}')

    def entries(self):
        return self.laptop.json("outbox", "ls")["items"]

    def drained(self):
        wait_until(lambda: not self.entries(), "the outbox to be empty")

    def messages(self):
        return [change["message"] for change in self.laptop.json("log", "n", "-l", "100000")["items"]]

    def test_12_a_write_waits_and_is_delivered_when_the_agent_starts(self):
        self.assertEqual(self.laptop.stop(), 0)

        ack = self.laptop.json("set", "n", "/a", "1")
        self.assertTrue(ack["queued"])
        self.assertTrue(ack["durable"])
        line = self.laptop.ok("incr", "n", "/count")
        self.assertTrue(line.startswith("queued\tn"), line)
        self.assertEqual([entry["cmd"] for entry in self.entries()], [["set", "n", "/a", "1"], ["incr", "n", "/count"]])

        self.laptop.start()
        self.drained()  # by the agent: outbox ls asks nobody
        self.assertEqual(json.loads(self.laptop.ok("get", "n", "/a")), 1)

    def test_what_means_something_else_later_is_refused(self):
        self.assertEqual(self.laptop.stop(), 0)
        for words in (("set", "n", "/list/0", "1"), ("set", "n", "/a", "1", "--if-absent"), ("rm", "n"), ("get", "n"),
                      ("apply", "n", "-f", self.laptop.place.write("new.json", "{}"))):
            with self.subTest(words=words):
                self.expect(self.laptop.ctl(*words), 4)
        self.expect(self.laptop.ctl("set", "n", "/a", "1", "--no-queue"), 4)
        self.laptop.place.environment["SYNCCTL_NO_QUEUE"] = "1"
        self.expect(self.laptop.ctl("set", "n", "/a", "1"), 4)
        del self.laptop.place.environment["SYNCCTL_NO_QUEUE"]
        self.assertEqual(self.entries(), [])

    def test_a_refused_write_is_kept_and_can_be_dropped(self):
        self.assertEqual(self.laptop.stop(), 0)
        self.laptop.ok("set", "nobody", "/a", "1")
        self.laptop.ok("set", "n", "/a", "2")
        self.laptop.start()

        def failed():
            left = self.entries()
            return left if len(left) == 1 and left[0]["state"] == "failed" else None

        (entry,) = wait_until(failed, "the refusal")
        self.assertEqual(entry["last_error"]["code"], "doc.not_found")
        self.assertEqual(json.loads(self.laptop.ok("get", "n", "/a")), 2)
        status = self.laptop.json("status")
        self.assertEqual(status["outbox"]["entries"], 1)
        self.assertIn("outbox.failed", [problem["code"] for problem in status["problems"]])
        self.assertEqual(self.laptop.ctl("status", "--check").code, 1)
        self.assertEqual(self.laptop.json("outbox", "show", entry["id"])["params"]["doc"], "nobody")
        self.assertEqual(self.laptop.ctl("outbox", "retry", entry["id"]).code, 3)
        self.expect(self.laptop.ctl("outbox", "drop", entry["id"]), 13)
        self.laptop.ok("outbox", "drop", entry["id"], "--yes")
        self.assertEqual(self.entries(), [])
        self.expect(self.laptop.ctl("outbox", "show", entry["id"]), 3, "no entry")

    def test_a_queued_document_has_its_id_at_once(self):
        self.assertEqual(self.laptop.stop(), 0)
        url = self.laptop.ok("new")
        self.assertTrue(url.startswith("automerge:"), url)
        self.laptop.ok("set", url, "/a", "1")
        # The id of a name is derived from the workspace, which nobody can be asked for: the name is the document.
        named = self.laptop.ok("new", "--name", "off/line").strip()
        self.assertEqual(named, "off/line")
        self.laptop.ok("set", named, "/b", "2")
        self.laptop.start()
        self.laptop.ok("wait", "--for", "durable")
        self.assertEqual(json.loads(self.laptop.ok("get", url)), {"a": 1})
        self.assertEqual(json.loads(self.laptop.ok("get", named)), {"b": 2})

    def test_12_delivering_the_same_files_again_adds_nothing(self):
        self.assertEqual(self.laptop.stop(), 0)
        for number in range(5):
            self.laptop.ok("set", "n", "/a", str(number), "-m", f"m{number}")
        folder = self.laptop.place.file("state", "syncctl", "outbox")
        saved = {}
        for name in os.listdir(folder):
            if name.endswith(".json"):
                with open(os.path.join(folder, name), encoding="utf-8") as file:
                    saved[name] = file.read()
        self.assertEqual(len(saved), 5)
        self.laptop.start()
        self.drained()
        before = self.messages()
        for name, content in saved.items():
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(content)
        self.laptop.ok("heads", "n")
        self.drained()
        self.assertEqual(self.messages(), before)

    def test_kill_9_during_delivery_loses_and_doubles_nothing(self):
        random = seed()
        wanted = []
        for cycle in range(6):
            self.laptop.kill()
            for number in range(10):
                message = f"c{cycle}-{number}"
                self.laptop.ok("incr", "n", "/count", "-m", message)
                wanted.append(message)
            self.laptop.start()
            killer = threading.Timer(random.random() * 0.05, self.laptop.process.kill)
            killer.start()
            killer.join()
            self.laptop.process.wait()
        self.laptop.start()
        self.drained()

        got = [message for message in self.messages() if message and message.startswith("c")]
        self.assertEqual(sorted(got), sorted(wanted))


if __name__ == "__main__":
    unittest.main(verbosity=2)
