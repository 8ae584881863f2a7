"""Commands that read and rewrite many documents, on an agent and on a stopped store."""

import json
import os
import unittest

from support import ProcessTest, syncctl


class Commands(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop").start()

    def on_both(self, *arguments):
        """What the agent prints, which the stopped store must print too. Ends the agent."""
        from_agent = self.laptop.ok(*arguments)
        self.assertEqual(self.laptop.stop(), 0)
        answer = syncctl(self.laptop.place, "--store", self.laptop.store, *arguments)
        self.assertEqual(answer.code, 0, str(answer))
        self.assertEqual(answer.out.rstrip("\n"), from_agent)
        return from_agent

    def test_query_looks_into_every_document(self):
        for number in range(30):
            self.laptop.ok("new", "--name", f"todo/{number:02}", "-f", "-", stdin=json.dumps({"n": number, "t": ["a", number]}))
        self.laptop.ok("new", "-f", "-", stdin='{"n": 99}')

        self.assertEqual(self.laptop.ok("query", "$.n", "--count"), "31")
        self.assertEqual(self.laptop.ok("query", "$[?@ > 27]", "--in", "todo/*"), "28\n29")
        self.assertEqual(self.laptop.ok("query", "$.n", "--in", "todo/03", "--with-doc"), "todo/03\t3")
        self.assertEqual(self.laptop.ok("query", "$.t[1]", "--in", "todo/*", "-l", "3"), "0\n1\n2")
        self.assertEqual(self.laptop.ok("query", "--jq", "select(.n == 7) | .t[0]", "--in", "todo/**"), '"a"')
        self.expect(self.laptop.ctl("query", "$.n", "--in", "todo/none"), 3, "todo/none")
        self.assertEqual(self.on_both("query", "$.n", "--in", "todo/0*"), "\n".join(str(n) for n in range(10)))

    def test_query_pages_through_large_documents(self):
        text = "x" * 100_000
        for number in range(60):
            self.laptop.ok("new", "--name", f"big/{number:02}", "-f", "-", stdin=json.dumps({"text": text, "n": number}))

        lines = self.laptop.ok("query", "$", "--in", "big/*").splitlines()

        self.assertEqual([json.loads(line)["n"] for line in lines], list(range(60)))

    def test_query_at_an_earlier_receipt(self):
        self.laptop.ok("new", "--name", "a", "-f", "-", stdin='{"n": 1}')
        first = self.laptop.json("get", "a", "--meta")["seq"]
        self.laptop.ok("set", "a", "/n", "2")
        self.laptop.ok("new", "--name", "b", "-f", "-", stdin='{"n": 3}')

        self.assertEqual(self.laptop.ok("query", "$.n", "--in", "*"), "2\n3")
        self.assertEqual(self.laptop.ok("query", "$.n", "--at", f"#{first}", "--in", "a"), "1")
        self.assertEqual(self.laptop.ok("get", "a", "/n", "--at", f"#{first}"), "1")

    def test_a_damaged_file_is_named(self):
        path = self.laptop.place.file("notes.automerge")
        self.laptop.ok("new", "--name", "a", "-f", "-", stdin='{"n": 1}')
        self.laptop.ok("export", "a", "--to", path)
        with open(path, "r+b") as file:
            file.seek(-3, os.SEEK_END)
            file.write(b"\0\0\0")

        self.expect(self.laptop.ctl("import", path), 8, "notes.automerge", "checksum")

    def test_restore_revert_and_edit(self):
        self.laptop.ok("new", "--name", "a", "-f", "-", stdin='{"n": 1, "l": ["x"]}')
        first = self.laptop.ok("heads", "a")
        self.laptop.ok("set", "a", "/n", "2")
        second = self.laptop.ok("heads", "a")
        self.laptop.ok("insert", "a", "/l/-", '"y"')

        self.laptop.ok("revert", "a", second)
        self.assertEqual(json.loads(self.laptop.ok("get", "a")), {"n": 1, "l": ["x", "y"]})
        self.laptop.ok("restore", "a", first)
        self.assertEqual(json.loads(self.laptop.ok("get", "a")), {"n": 1, "l": ["x"]})
        self.laptop.place.environment["EDITOR"] = "sed -i s/x/z/"
        self.laptop.ok("edit", "a", "/l")
        self.assertEqual(json.loads(self.laptop.ok("get", "a", "/l")), ["z"])
        found = self.laptop.json("bisect", "a", "--good", first, "--", "grep", "-q", "x")
        self.assertEqual(found["items"][0]["message"], "edit /l")

    def test_compare_with_a_store_and_a_digest(self):
        self.laptop.ok("new", "--name", "a", "-f", "-", stdin='{"n": 1}')
        self.laptop.ok("new", "--name", "b", "-f", "-", stdin='{"n": 2}')
        digest = self.laptop.place.write("digest.json", self.laptop.ok("digest", "-o", "json"))
        self.assertEqual(self.laptop.ctl("compare", ".", f"digest:{digest}").code, 0)
        self.laptop.ok("set", "a", "/n", "7")
        self.laptop.ok("new", "--name", "c", "-f", "-", stdin="{}")

        answer = self.laptop.ctl("compare", ".", f"digest:{digest}")
        self.assertEqual((answer.code, answer.out), (1, "* a\n< c\n"), str(answer))
        self.assertEqual(self.laptop.ctl("compare", f"digest:{digest}", ".", "--one-way").code, 1)
        combined = self.laptop.ctl("compare", ".", f"digest:{digest}", "--combined", "-")
        self.assertEqual(combined.out, "* a\n= b\n< c\n")
        phone = self.agent("phone").start()
        self.assertEqual(phone.stop(), 0)
        report = json.loads(self.laptop.ctl("compare", ".", f"store:{phone.store}", "-o", "json").out)
        self.assertEqual(report["counts"]["only_left"], 3)

    def test_convergence_of_stopped_stores(self):
        self.laptop.ok("new", "--name", "a", "-f", "-", stdin='{"n": 1}')
        copy = self.laptop.place.file("a.automerge")
        self.laptop.ok("export", "a", "--to", copy)
        self.laptop.ok("set", "a", "/l", "true")
        self.assertEqual(syncctl(self.laptop.place, "set", copy, "/r", "true").code, 0)
        self.assertEqual(self.laptop.stop(), 0)
        os.makedirs(self.laptop.place.file("right"))
        os.rename(copy, self.laptop.place.file("right", "a.automerge"))

        answer = syncctl(self.laptop.place, "-o", "json", "verify", "convergence", self.laptop.store, self.laptop.place.file("right"))

        self.assertEqual(answer.code, 0, str(answer))
        self.assertEqual(answer.json()["documents"], 1)
        self.assertEqual(answer.json()["changes"], 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
