"""Two and three agents: joined by invitation, edited while apart, killed, and equal in the end."""

import json
import threading
import unittest

from support import ProcessTest, connect, wait_until


class Sync(ProcessTest):
    def test_edits_made_apart_are_all_kept(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        laptop.ok("new", "--name", "todo/home", "-f", "-",
                  stdin='{"title": "list", "items": ["bread"], "visits": {"$counter": 0}, "color": {"$text": "red"}}')
        connect(self, laptop, phone)
        self.assert_alike(laptop, phone)
        port = laptop.port
        laptop.stop()
        phone.ok("set", "todo/home", "/owner", '"phone"')
        phone.ok("incr", "todo/home", "/visits", "2")
        phone.ok("insert", "todo/home", "/items/-", '"tea"')
        phone.stop()
        laptop.start()
        laptop.ok("set", "todo/home", "/owner", '"laptop"')
        laptop.ok("incr", "todo/home", "/visits", "3")
        laptop.ok("insert", "todo/home", "/items/-", '"milk"')
        phone.start()

        self.assertEqual(laptop.port, port)
        self.assert_alike(laptop, phone)
        for agent in (laptop, phone):
            merged = json.loads(agent.ok("get", "todo/home"))
            self.assertEqual(merged["visits"], 5)
            self.assertEqual(set(merged["items"]), {"bread", "tea", "milk"})
            conflicts = agent.json("conflict", "ls")["items"]
            self.assertEqual([c["path"] for c in conflicts], ["/owner"])
            self.assertEqual(sorted(str(v["value"]) for v in conflicts[0]["values"]), ["laptop", "phone"])

    def test_a_conflict_resolved_on_one_side_is_resolved_on_both(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        self.assert_alike(laptop, phone)
        phone.stop()
        laptop.ok("set", "n", "/a", "2")
        laptop.stop()
        phone.start()
        phone.ok("set", "n", "/a", "3")
        laptop.start()
        self.assert_alike(laptop, phone)
        conflict = wait_until(lambda: phone.json("conflict", "ls", "n")["items"], "the conflict")[0]
        phone.ok("conflict", "resolve", conflict["id"], "--value", "4")

        self.assert_alike(laptop, phone)
        wait_until(lambda: laptop.json("conflict", "ls", "n")["items"] == [], "the conflict to be gone")
        self.assertEqual(laptop.ok("get", "n", "/a"), "4")

    def test_the_same_name_made_apart_is_one_document(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        self.assert_alike(laptop, phone)
        phone.stop()
        laptop.ok("new", "--name", "todo/new", "-f", "-", stdin='{"laptop": 1}')
        laptop.stop()
        phone.start()
        phone.ok("new", "--name", "todo/new", "-f", "-", stdin='{"phone": 1}')
        laptop.start()

        self.assert_alike(laptop, phone)
        self.assertEqual(json.loads(laptop.ok("get", "todo/new")), {"laptop": 1, "phone": 1})

    def test_sync_says_what_went_over_the_wire(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        laptop.ok("set", "n", "/a", "2")  # of more than a third of the history the whole document is sent
        connect(self, laptop, phone)
        self.assert_alike(laptop, phone)
        laptop.stop()
        phone.ok("set", "n", "/a", "3")
        self.expect(phone.ctl("sync", "laptop"), 14, "laptop is")
        reports = []
        waiting = threading.Thread(target=lambda: reports.append(phone.json("sync", "laptop", "--wait")))
        waiting.start()
        laptop.start()
        waiting.join()

        report = reports[0]["items"][0]
        self.assertEqual((report["sent"]["changes"], report["received"]["changes"]), (1, 0))
        self.assertEqual((report["state"], report["remaining_documents"]), ("up", 0))
        self.assertEqual(report["wire_bytes"], report["sent"]["bytes"] + report["received"]["bytes"])
        self.assertGreaterEqual(report["messages"], 2 * report["round_trips"])
        self.assertGreater(report["round_trips"], 0)

    def test_a_third_agent_gets_everything_through_the_middle(self):
        laptop, server, phone = (self.agent(name).start() for name in ("laptop", "server", "phone"))
        connect(self, server, laptop)
        connect(self, server, phone)
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"from": "laptop"}')

        self.assert_alike(laptop, server, phone)
        phone.ok("set", "n", "/back", '"phone"')
        wait_until(lambda: json.loads(laptop.ok("get", "n")).get("back") == "phone", "the phone's edit on the laptop")

    def test_waiting_for_a_peer_ends_when_it_has_everything(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        phone.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        phone.ok("wait", "--for", "synced", "--peer", "laptop")

        self.assertEqual(laptop.ok("get", "n", "/a"), "1")

    def test_compare_tells_what_a_connected_peer_has(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        for name in ("a", "b"):
            laptop.ok("new", "--name", name, "-f", "-", stdin='{"n": 1}')
        self.assert_alike(laptop, phone)

        wait_until(lambda: phone.ctl("compare", ".", "peer:laptop").code == 0, "the peer's answer")
        report = phone.json("compare", ".", "peer:laptop")
        self.assertEqual((report["equal"], report["counts"]["same"]), (True, 2))
        phone.ok("peer", "set", "laptop", "--policy", "pull")
        phone.ok("set", "a", "/n", "2")
        phone.ok("new", "--name", "own")

        def differs():
            answer = phone.ctl("compare", ".", "peer:laptop", "--combined", "-")
            return answer.code == 1 and "* a\n" in answer.out and "= b\n" in answer.out

        wait_until(differs, "the difference")
        self.expect(phone.ctl("compare", ".", "peer:nobody"), 3, "nobody")
        laptop.stop()
        wait_until(lambda: phone.ctl("compare", ".", "peer:laptop").code == 14, "the peer to be away")

    def test_an_invitation_is_good_once(self):
        laptop, phone, thief = (self.agent(name).start() for name in ("laptop", "phone", "thief"))
        invitation = laptop.ok("invite")
        self.assertIn("would join", phone.ok("join", "-n", "-", stdin=invitation + "\n"))
        self.assertEqual(phone.json("peer", "ls")["items"], [])
        phone.ok("join", "-", stdin=invitation + "\n")
        self.assert_alike(laptop, phone)
        laptop.ok("new", "--name", "secret", "-f", "-", stdin='{"a": 1}')
        thief.ctl("join", "-", stdin=invitation + "\n")
        wait_until(lambda: phone.ctl("get", "secret").code == 0, "the document on the phone")

        self.assertEqual(thief.ctl("get", "secret").code, 3)


if __name__ == "__main__":
    unittest.main(verbosity=2)
