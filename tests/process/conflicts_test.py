"""The conflict index: kept with the changes, there after every restart, cheap to ask."""

import json
import time
import unittest

from support import Connection, ProcessTest, wait_until


class Conflicts(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop").start()

    def conflicted(self, name):
        """A document with one conflict under /a."""
        self.laptop.ok("new", "--name", name, "-f", "-", stdin='{"a": 0}')
        base = self.laptop.ok("heads", name)
        self.laptop.ok("set", name, "/a", "1")
        self.laptop.ok("set", name, "/a", "2", "--base", base)

    def listed(self, *words):
        return [item["name"] for item in self.laptop.json("conflict", "ls", *words)["items"]]

    def open_count(self):
        return self.laptop.json("status")["conflicts"]["open"]

    def test_the_index_follows_every_change_and_survives_kill_9(self):
        for name in ("todo/a", "todo/b", "other/c"):
            self.conflicted(name)
        self.laptop.ok("new", "--name", "todo/plain")
        for _ in range(2):
            self.assertEqual(self.listed(), ["other/c", "todo/a", "todo/b"])
            self.assertEqual(self.listed("todo/*"), ["todo/a", "todo/b"])
            self.assertEqual(self.listed("todo/plain"), [])
            self.assertEqual(self.open_count(), 3)
            self.laptop.kill()
            self.laptop.start()

        first = self.laptop.json("conflict", "ls", "todo/a")["items"][0]
        self.assertEqual(self.laptop.json("conflict", "show", first["id"][:8])["id"], first["id"])
        self.laptop.ok("conflict", "ignore", "-n", first["id"])
        self.assertEqual(self.open_count(), 3)
        self.laptop.ok("conflict", "ignore", first["id"])
        self.assertEqual(self.listed(), ["other/c", "todo/b"])
        self.assertEqual(self.listed("--state", "ignored"), ["todo/a"])
        self.assertEqual(self.listed("--state", "all"), ["other/c", "todo/a", "todo/b"])
        self.assertEqual(self.open_count(), 2)

        second = self.laptop.json("conflict", "ls", "todo/b")["items"][0]
        self.laptop.ok("conflict", "resolve", second["id"], "--pick", "1")
        self.laptop.ok("rm", "other/c")
        self.assertEqual(self.listed(), [])
        self.assertEqual(self.open_count(), 0)
        self.expect(self.laptop.ctl("conflict", "show", second["id"]), 3)
        self.laptop.kill()
        self.laptop.start()
        self.assertEqual(self.open_count(), 0)

    def test_a_listing_tells_conflicts_and_actors(self):
        self.conflicted("a")
        self.laptop.ok("new", "--name", "b")
        self.laptop.kill()
        self.laptop.start()
        self.laptop.ok("set", "b", "/x", "1")

        rows = {item["name"]: item for item in self.laptop.json("ls")["items"]}
        self.assertEqual((rows["a"]["conflicts"], rows["b"]["conflicts"]), (1, 0))
        self.assertEqual(rows["b"]["actors"], 2)
        self.assertEqual([item["name"] for item in self.laptop.json("ls", "--conflicted")["items"]], ["a"])
        self.assertEqual(self.laptop.json("ls", "--conflicted", "--count")["count"], 1)

    def test_few_conflicts_among_many_documents_cost_little(self):
        """Ten among two thousand must not take longer than ten alone, give or take."""
        for number in range(10):
            self.conflicted(f"c/{number}")
        connection = Connection(self.laptop)

        def ask():
            begun = time.monotonic()
            answer = connection.ask("conflict.list")
            self.assertEqual(len(answer["result"]["items"]), 10)
            return time.monotonic() - begun

        alone = min(ask() for _ in range(5))
        for number in range(2000):
            connection.send(json.dumps({"jsonrpc": "2.0", "id": 10_000 + number, "method": "doc.new",
                                        "params": {"value": {"n": number}}}).encode() + b"\n")
        for _ in range(2000):
            self.assertIn("result", connection.receive())
        many = min(ask() for _ in range(5))
        self.assertLess(many, alone * 10 + 0.02)


class Times(ProcessTest):
    def test_a_new_document_says_when_it_was_made(self):
        laptop = self.agent("laptop", ephemeral=True).start()
        for words in (("new",), ("new", "-f", "-")):
            url = laptop.ok(*words, stdin='{"a": 1}' if "-f" in words else None)
            laptop.ok("set", url, "/b", "2")
            first, second = sorted(change["author_time"] for change in laptop.json("log", url)["items"])
            self.assertGreater(first, "2020")
            self.assertGreaterEqual(second, first)

    def test_the_first_change_of_a_named_document_is_the_same_everywhere(self):
        heads = set()
        for name in ("laptop", "phone"):
            agent = self.agent(name, ephemeral=True).start()
            url = "automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu"
            agent.ok("new", "--id", url, "-f", "-", stdin='{"a": 1}')
            heads.add(agent.ok("heads", url))
            (change,) = agent.json("log", url)["items"]
            self.assertIsNone(change["author_time"])
        self.assertEqual(len(heads), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
