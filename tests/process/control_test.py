"""Bad input on the control socket gets the contract's answer and harms nobody else."""

import json
import socket
import unittest

from support import Connection, ProcessTest


class Control(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop", ephemeral=True).start()
        self.laptop.ok("new", "--name", "n", "-f", "-", stdin='{"text": "hello"}')

    def still_answers(self):
        self.assertEqual(json.loads(self.laptop.ok("get", "n")), {"text": "hello"})

    def test_malformed_json_is_answered_and_the_connection_stays(self):
        connection = Connection(self.laptop)
        connection.send(b"{not json\n")

        refusal = connection.receive()
        self.assertIsNone(refusal["id"])
        self.assertEqual(refusal["error"]["code"], 2)
        self.assertIn("result", connection.ask("agent.status"))

    def test_an_unknown_method_is_refused(self):
        answer = Connection(self.laptop).ask("doc.explode")

        self.assertEqual(answer["error"]["code"], 2)
        self.assertEqual(answer["error"]["data"]["kind"], "Error")

    def test_wrong_parameter_types_are_refused(self):
        connection = Connection(self.laptop)
        for params in ({}, {"doc": 7}, {"doc": "n", "pointer": 3}, {"doc": None}, {"doc": "n", "at": ["x"]}):
            with self.subTest(params=params):
                self.assertEqual(connection.ask("doc.get", **params)["error"]["code"], 2)
        self.still_answers()

    def test_a_line_over_the_limit_ends_that_connection_alone(self):
        connection = Connection(self.laptop)
        try:
            for _ in range(600):
                connection.send(b"x" * (1 << 20))
        except OSError:
            pass
        try:
            answer = connection.receive()
            self.assertIn("error", answer or {"error": None})
            self.assertIsNone(connection.receive())
        except OSError:
            pass
        self.still_answers()

    def test_many_requests_at_once_are_all_answered(self):
        connection = Connection(self.laptop)
        for number in range(500):
            connection.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": "doc.heads", "params": {"doc": "n"}}).encode() + b"\n")

        self.assertEqual({connection.receive()["id"] for _ in range(500)}, set(range(500)))

    def test_a_client_that_leaves_in_the_middle_harms_nobody(self):
        for _ in range(20):
            connection = Connection(self.laptop)
            connection.send(b'{"jsonrpc":"2.0","id":1,"method":"doc.get","params":{"do')
            connection.socket.shutdown(socket.SHUT_RDWR)
            connection.close()
        self.still_answers()

    def test_deeply_nested_json_is_refused(self):
        connection = Connection(self.laptop)
        connection.send(b'{"jsonrpc":"2.0","id":1,"method":"doc.set","params":{"doc":"n","edits":[{"pointer":"/x","value":'
                        + b"[" * 100000 + b"]" * 100000 + b"}]}}\n")

        self.assertIn("error", connection.receive())
        self.still_answers()


if __name__ == "__main__":
    unittest.main(verbosity=2)
