"""SIGKILL under concurrent writers on two syncing agents: nothing acknowledged is lost or doubled.

Each cycle lets writers work on both agents, kills one or both in the middle, and starts them again.
A write whose answer was lost is sent again with the same request id, as the command-line contract
asks (section 13). In the end every change that was acknowledged is in the log of both agents exactly
once, and both hold the same.

CONVERGE_KILL_CYCLES says how many cycles (default 40), CONVERGE_TEST_SEED which.
"""

import collections
import os
import threading
import unittest

from support import DEADLINE_S, Connection, ProcessTest, connect, seed

CYCLES = int(os.environ.get("CONVERGE_KILL_CYCLES", "40"))
WRITERS_PER_AGENT = 3
DOCUMENTS = ["log/a", "log/b", "text"]


class Writer(threading.Thread):
    """Writes until told to stop. Survives its agent: reconnects and repeats the write that was cut off."""

    def __init__(self, agent, name, chance):
        super().__init__(daemon=True)
        self.agent, self.name, self.chance = agent, name, chance
        self.acknowledged = []
        self.number = 0
        self.stopping = threading.Event()
        self.problem = None

    def request(self):
        self.number += 1
        label = f"{self.name}-{self.number}"
        document = self.chance.choice(DOCUMENTS)
        common = {"doc": document, "message": label, "request_id": f"{label}-{'0' * 26}"[:26]}
        kind = self.chance.randrange(4)
        if document == "text":
            return label, "doc.splice", {**common, "pointer": "/text", "index": 0, "delete": 0, "text": label + " "}
        if kind == 0:
            return label, "doc.incr", {**common, "pointer": "/count", "amount": 1}
        if kind == 1:
            return label, "doc.insert", {**common, "pointer": "/list/-", "values": [label]}
        return label, "doc.set", {**common, "edits": [{"pointer": "/field", "value": label}]}

    def run(self):
        connection, pending = None, None
        while not self.stopping.is_set() or pending is not None:
            try:
                connection = connection or Connection(self.agent)
                pending = pending or self.request()
                label, method, params = pending
                answer = connection.ask(method, **params)
            except (OSError, ValueError):
                if connection is not None:
                    connection.close()
                connection = None
                self.stopping.wait(0.005)
                continue
            if "result" in answer and answer["result"]["durable"]:
                self.acknowledged.append(label)
                pending = None
            elif "error" in answer and answer["error"]["data"].get("retryable"):
                self.stopping.wait(0.005)
            else:
                self.problem = f"{label}: {answer}"
                return


class Kill(ProcessTest):
    def messages(self, agent):
        """How often each message is in the agent's log, over all documents."""
        counts = collections.Counter()
        for document in DOCUMENTS:
            items = agent.json("log", document, "-l", "10000000")["items"]
            counts.update(item["message"] for item in items if item.get("message"))
        return counts

    def test_every_acknowledged_change_is_there_exactly_once(self):
        chance = seed()
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        for document in DOCUMENTS[:2]:
            laptop.ok("new", "--name", document, "-f", "-", stdin='{"count": {"$counter": 0}, "list": []}')
        laptop.ok("new", "--name", "text", "-f", "-", stdin='{"text": {"$text": ""}}')
        self.assert_alike(laptop, phone)
        writers = [Writer(agent, f"{agent.name}{n}", type(chance)(chance.random()))
                   for agent in (laptop, phone) for n in range(WRITERS_PER_AGENT)]
        for writer in writers:
            writer.start()

        for cycle in range(CYCLES):
            threading.Event().wait(chance.uniform(0.02, 0.25))
            victims = chance.choice([[laptop], [phone], [laptop], [phone], [laptop, phone]])
            for victim in victims:
                victim.kill()
            for victim in victims:
                victim.start()
            for writer in writers:
                self.assertIsNone(writer.problem, f"in cycle {cycle}")
        for writer in writers:
            writer.stopping.set()
        for writer in writers:
            writer.join(DEADLINE_S)
            self.assertFalse(writer.is_alive(), f"{writer.name} never got its last answer")
            self.assertIsNone(writer.problem)

        acknowledged = [label for writer in writers for label in writer.acknowledged]
        print(f"{CYCLES} cycles, {len(acknowledged)} acknowledged changes")
        self.assert_alike(laptop, phone, deadline_s=4 * DEADLINE_S)
        for agent in (laptop, phone):
            counts = self.messages(agent)
            self.assertEqual([label for label in acknowledged if counts[label] != 1], [],
                             f"lost or doubled on {agent.name}")
        increments = [agent.json("get", document, "/count") for agent in (laptop, phone) for document in DOCUMENTS[:2]]
        self.assertEqual(increments[:2], increments[2:])


if __name__ == "__main__":
    unittest.main(verbosity=2)
