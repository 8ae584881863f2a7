"""Every method of the control protocol answers bad parameters with the contract's error and stays whole."""

import json
import unittest

from support import Connection, ProcessTest

URL = "automerge:4NMNnkMhL8jXrdJ9jamS58PAVdXu"  # well-formed, of no document here
WRONG_TYPES = (7, True, {"x": 1})

# What each method takes, with values that are good for the document "n". The third column: those it cannot do without.
METHODS = {
    "conflict.ignore": ({"ids": ["c-000000000000"]}, []),
    "conflict.list": ({"pattern": "n", "type": "value", "state": "open"}, []),
    "conflict.show": ({"id": "c-000000000000"}, ["id"]),
    "doc.apply": ({"doc": "n", "value": {"a": 1}}, ["doc", "value"]),
    "doc.diff": ({"doc": "n", "from": "", "to": "", "path": ""}, ["doc"]),
    "doc.digest": ({"patterns": ["n"], "at": "2h"}, []),
    "doc.export": ({"doc": "n", "format": "json", "changes": []}, ["doc"]),
    "doc.fork": ({"doc": "n", "name": "m"}, ["doc"]),
    "doc.get": ({"doc": "n", "pointer": "/a", "at": ""}, ["doc"]),
    "doc.heads": ({"doc": "n"}, ["doc"]),
    "doc.import": ({"format": "automerge", "data": "AAAA"}, ["data"]),
    "doc.incr": ({"doc": "n", "pointer": "/count", "amount": 1}, ["doc", "pointer"]),
    "doc.insert": ({"doc": "n", "pointer": "/list/-", "values": [1]}, ["doc", "pointer", "values"]),
    "doc.list": ({"patterns": ["*"], "sort": "name", "limit": 1, "at": "2h"}, []),
    "doc.log": ({"doc": "n", "limit": 1}, []),
    "doc.merge": ({"doc": "n", "sources": [{"doc": "n"}]}, ["doc", "sources"]),
    "doc.new": ({"name": "other", "message": "m"}, []),
    "doc.patch": ({"doc": "n", "type": "merge", "patch": {}}, ["doc", "patch"]),
    "doc.rm": ({"docs": ["n"]}, ["docs"]),
    "doc.set": ({"doc": "n", "edits": [{"pointer": "/a", "value": 1}]}, ["doc", "edits"]),
    "doc.show": ({"doc": "n"}, ["doc"]),
    "doc.splice": ({"doc": "n", "pointer": "/text", "index": 0, "delete": 0, "text": "x"}, ["doc", "pointer"]),
    "doc.unset": ({"doc": "n", "pointers": ["/a"]}, ["doc", "pointers"]),
    "invite.join": ({"invite": "x"}, ["invite"]),
    "name.rm": ({"name": "n"}, ["name"]),
    "name.set": ({"name": "m", "doc": "n"}, ["name", "doc"]),
    "peer.add": ({"name": "p", "url": "ws://127.0.0.1:1"}, ["name", "url"]),
    "peer.digest": ({"peer": "p"}, ["peer"]),
    "peer.pause": ({"peer": "p"}, ["peer"]),
    "peer.ping": ({"peer": "p"}, ["peer"]),
    "peer.resume": ({"peer": "p"}, ["peer"]),
    "peer.rm": ({"peer": "p"}, ["peer"]),
    "peer.show": ({"peer": "p"}, ["peer"]),
    "sync.wait": ({"for": "idle"}, ["for"]),
    "watch.start": ({"patterns": ["n"], "path": "/a"}, []),
}

# Bad values beyond wrong types: the method, its parameters, the error's code.
BAD = (
    ("doc.get", {"doc": "nobody"}, "doc.not_found"),
    ("doc.get", {"doc": URL}, "doc.not_found"),
    ("doc.get", {"doc": ""}, "usage.argument"),
    ("doc.get", {"doc": "n", "pointer": "a"}, "usage.argument"),
    ("doc.get", {"doc": "n", "pointer": "/~2"}, "usage.argument"),
    ("doc.get", {"doc": "n", "pointer": "/missing"}, "path.not_found"),
    ("doc.get", {"doc": "n@zzzzzzz"}, "usage.argument"),
    ("doc.get", {"doc": "n@1234567"}, "rev.not_found"),
    ("doc.heads", {"doc": "nobody"}, "doc.not_found"),
    ("doc.set", {"doc": "nobody", "edits": [{"pointer": "/a", "value": 1}]}, "doc.not_found"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/text/a", "value": 1}]}, "path.type"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "base": "1234567"}, "rev.not_found"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "if_heads": "1234567"}, None),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "if_value": 99}, "value.mismatch"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "if_absent": True}, "value.mismatch"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "durability": "maybe"}, "usage.argument"),
    ("doc.set", {"doc": "n", "edits": [{"pointer": "/a", "value": 1}], "ack": "everybody"}, "usage.argument"),
    ("doc.incr", {"doc": "n", "pointer": "/text", "amount": 1}, "path.type"),
    ("doc.splice", {"doc": "n", "pointer": "/a", "index": 0, "delete": 0, "text": "x"}, "path.type"),
    ("doc.insert", {"doc": "n", "pointer": "/a/0", "values": [1]}, "path.type"),
    ("doc.import", {"format": "automerge", "data": "AAAA"}, None),
    ("doc.import", {"format": "parchment", "data": "AAAA"}, "usage.argument"),
    ("doc.import", {"format": "automerge", "data": "!"}, "usage.argument"),
    ("doc.export", {"doc": "n", "format": "parchment"}, "usage.argument"),
    ("doc.export", {"doc": "n", "format": "changes", "changes": ["abc"]}, "usage.argument"),
    ("doc.export", {"doc": "n", "format": "changes", "changes": ["0" * 64]}, "rev.not_found"),
    ("doc.list", {"at": "#999999"}, "rev.not_found"),
    ("doc.list", {"at": "soon"}, "usage.argument"),
    ("doc.list", {"at": "2h", "conflicted": True}, "usage.argument"),
    ("doc.digest", {"at": "#x"}, "usage.argument"),
    ("doc.new", {"name": "a@b"}, "usage.argument"),
    ("doc.new", {"name": "n", "value": {"else": 1}}, "doc.exists"),
    ("doc.new", {"id": "x"}, "usage.argument"),
    ("doc.new", {"value": [1]}, "input.json"),
    ("doc.list", {"sort": "colour"}, "usage.argument"),
    ("doc.list", {"after": "nowhere"}, "cursor.expired"),
    ("doc.list", {"limit": -1}, "usage.argument"),
    ("doc.merge", {"doc": "n", "sources": []}, "usage.argument"),
    ("doc.merge", {"doc": "n", "sources": [{"data": "!"}]}, "usage.argument"),
    ("doc.rm", {"docs": []}, "usage.argument"),
    ("doc.rm", {"docs": ["nobody"]}, "doc.not_found"),
    ("name.rm", {"name": "nobody"}, None),
    ("conflict.show", {"id": "c-000000000000"}, "conflict.not_found"),
    ("conflict.list", {"state": "broken"}, "usage.argument"),
    ("conflict.resolve", {"ids": ["c-000000000000"]}, "usage.argument"),
    ("conflict.resolve", {"ids": ["c-000000000000"], "pick": 1, "rule": "max"}, "usage.argument"),
    ("conflict.resolve", {"ids": ["c-000000000000"], "rule": "mood"}, "usage.argument"),
    ("conflict.resolve", {"ids": ["c-000000000000"], "pick": 1}, "conflict.not_found"),
    ("peer.show", {"peer": "nobody"}, "peer.not_found"),
    ("peer.rm", {"peer": "nobody"}, "peer.not_found"),
    ("sync.wait", {"for": "godot"}, "usage.argument"),
    ("watch.start", {"since": "x"}, "usage.argument"),
    ("watch.start", {"since": "s1.1.00000000"}, "cursor.foreign"),
    ("watch.start", {"since": "s1.999999"}, "cursor.foreign"),
    ("invite.join", {"invite": "not an invitation"}, None),
)


class Requests(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop", ephemeral=True).start()
        self.content = {"a": 1, "count": 0, "list": [1, 2], "text": "hello"}
        self.laptop.ok("new", "--name", "n", "-f", "-", stdin=json.dumps(self.content))
        self.heads = self.laptop.ok("heads", "n")
        self.connection = Connection(self.laptop)

    def refused(self, method, params, code):
        answer = self.connection.ask(method, **params)
        self.assertIn("error", answer, f"{method} {params}")
        error = answer["error"]
        self.assertEqual(error["data"]["kind"], "Error")
        self.assertEqual(error["data"]["exit"], error["code"])
        self.assertNotEqual(error["data"]["code"], "internal", error)
        if code is not None:
            self.assertEqual(error["data"]["code"], code, f"{method} {params}: {error}")

    def untouched(self):
        self.assertEqual(self.laptop.ok("heads", "n"), self.heads)
        self.assertEqual(json.loads(self.laptop.ok("get", "n")), self.content)
        self.assertEqual([item["name"] for item in self.laptop.json("ls")["items"]], ["n"])

    def test_a_parameter_of_the_wrong_type_is_named(self):
        for method, (good, _) in METHODS.items():
            for name, value in good.items():
                for wrong in WRONG_TYPES:
                    takes_any = name in ("value", "patch") or type(wrong) is type(value)
                    if takes_any or (isinstance(value, bool) or isinstance(wrong, bool)) and isinstance(value, int):
                        continue
                    with self.subTest(method=method, name=name, wrong=wrong):
                        self.refused(method, {**good, name: wrong}, None)
        self.untouched()

    def test_a_missing_parameter_is_refused(self):
        for method, (good, needed) in METHODS.items():
            for name in needed:
                with self.subTest(method=method, missing=name):
                    self.refused(method, {key: value for key, value in good.items() if key != name}, None)
        self.untouched()

    def test_bad_values_get_their_own_code(self):
        for method, params, code in BAD:
            with self.subTest(method=method, params=params):
                self.refused(method, params, code)
        self.untouched()

    def test_params_that_are_no_object_are_refused(self):
        for params in ("[1]", "7", "\"x\""):
            with self.subTest(params=params):
                self.connection.send(b'{"jsonrpc":"2.0","id":"p","method":"doc.get","params":' + params.encode() + b"}\n")
                self.assertEqual(self.connection.receive()["error"]["code"], 2)
        self.untouched()


if __name__ == "__main__":
    unittest.main(verbosity=2)
