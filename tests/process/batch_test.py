"""`syncctl batch`: many requests over one connection, answered one line each, in order."""

import json
import unittest

from support import ProcessTest


def lines(*commands):
    return "".join(json.dumps({"id": number, "cmd": list(words)}) + "\n" for number, words in enumerate(commands))


class Batch(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop").start()

    def batch(self, text, *flags):
        answer = self.laptop.ctl("batch", *flags, stdin=text)
        return answer, [json.loads(line) for line in answer.out.splitlines()]

    def test_requests_are_answered_in_order_and_see_each_other(self):
        answer, answers = self.batch(lines(
            ("new", "--name", "n"), ("set", "n", "/a", "1"), ("set", "n", "/count", "0", "--type", "counter"), ("incr", "n", "/count", "2"), ("incr", "n", "/count", "-5"),
            ("get", "n"), ("set", "n", "/b", "\"x\"", "-m", "said")))
        self.expect(answer, 0)
        self.assertEqual([line["id"] for line in answers], list(range(7)))
        self.assertTrue(all(line["ok"] and line["kind"] == "BatchAnswer" for line in answers), answers)
        self.assertEqual(answers[5]["result"]["value"], {"a": 1, "count": -3})
        self.assertEqual(self.laptop.json("log", "n")["items"][0]["message"], "said")

    def test_many_writes_are_all_there(self):
        self.laptop.ok("new", "--name", "n")
        for flags in ((), ("--parallel", "1"), ("--parallel", "512")):
            with self.subTest(flags=flags):
                answer, answers = self.batch(lines(*[("set", "n", f"/k{number}", str(number)) for number in range(500)]), *flags)
                self.expect(answer, 0)
                self.assertEqual(len({line["result"]["change"] or line["id"] for line in answers}), 500)
        self.assertEqual(json.loads(self.laptop.ok("get", "n")), {f"k{number}": number for number in range(500)})

    def test_a_failure_ends_the_batch_unless_it_is_to_go_on(self):
        self.laptop.ok("new", "--name", "n")
        text = lines(("set", "n", "/a", "1"), ("set", "nobody", "/a", "1"), ("set", "n", "/b", "2"))
        answer, answers = self.batch(text, "--parallel", "1")
        self.expect(answer, 10, "1 request")
        self.assertEqual([line["ok"] for line in answers], [True, False])
        self.assertEqual(answers[1]["error"]["code"], "doc.not_found")
        self.assertEqual(json.loads(self.laptop.ok("get", "n")), {"a": 1})

        answer, answers = self.batch(text, "--keep-going")
        self.expect(answer, 10)
        self.assertEqual([line["ok"] for line in answers], [True, False, True])
        self.assertEqual(json.loads(self.laptop.ok("get", "n")), {"a": 1, "b": 2})

    def test_lines_that_are_no_requests_get_an_error_each(self):
        table = (("not json", "input.json"), ("[]", "input.json"), ('{"id":1}', "input.json"), ('{"id":1,"cmd":[]}', "input.json"),
                 ('{"id":1,"cmd":["set",1]}', "input.json"), ('{"id":1,"cmd":["stauts"]}', "usage.command"),
                 ('{"id":1,"cmd":["ls"]}', "usage.command"), ('{"id":1,"cmd":["batch"]}', "usage.command"),
                 ('{"id":1,"cmd":["get","-h"]}', "usage.command"), ('{"id":1,"cmd":["set","n"]}', "usage.argument"),
                 ('{"id":1,"cmd":["set","n","/a","milk"]}', "usage.argument"), ('{"id":1,"cmd":["set","n","a","1"]}', "usage.argument"),
                 ('{"id":1,"cmd":["get","./x.automerge"]}', "usage.argument"), ('{"id":1,"cmd":["get","n","--nope"]}', "usage.flag"))
        answer, answers = self.batch("".join(text + "\n" for text, _ in table), "--keep-going")
        self.expect(answer, 10)
        self.assertEqual([line["error"]["code"] for line in answers], [code for _, code in table])

    def test_without_an_agent_a_batch_is_queued(self):
        self.laptop.ok("new", "--name", "n")
        self.assertEqual(self.laptop.stop(), 0)
        answer, answers = self.batch(lines(("set", "n", "/a", "1"), ("set", "n", "/b", "2")))
        self.expect(answer, 0)
        self.assertTrue(all(line["result"]["queued"] for line in answers))
        self.laptop.start()
        self.laptop.ok("wait", "--for", "durable")
        self.assertEqual(json.loads(self.laptop.ok("get", "n", "/a")), 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
