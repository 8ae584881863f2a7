"""Peers: keys and TLS, rights and limits, addresses, and documents that only a peer has."""

import base64
import json
import os
import socket
import stat
import threading
import time
import unittest

from support import DEADLINE_S, Connection, ProcessTest, connect, free_port, wait_until

PREFIX = "converge-invite:"


def open_invitation(line):
    text = line[len(PREFIX):]
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def seal_invitation(content):
    text = json.dumps(content, separators=(",", ":")).encode()
    return PREFIX + base64.urlsafe_b64encode(text).decode().rstrip("=")


def key_of(agent):
    return agent.json("status")["agent"]["key"]


def peer(agent, name):
    return next(each for each in agent.json("peer", "ls")["items"] if each["name"] == name)


def upgrade(port, *headers):
    """The first line of the answer to a WebSocket upgrade without TLS; empty when there is none."""
    request = ["GET / HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade",
               "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", *headers, "", ""]
    with socket.create_connection(("127.0.0.1", port), 60) as client:
        client.sendall("\r\n".join(request).encode())
        try:
            return client.makefile("rb").readline().decode(errors="replace")
        except ConnectionError:
            return ""


class Keys(ProcessTest):
    def test_an_invitation_carries_the_key_and_joining_pins_it(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        invitation = open_invitation(laptop.ok("invite"))
        self.assertEqual("SHA256:" + invitation["k"], key_of(laptop))
        self.assertEqual(invitation["a"], [f"wss://127.0.0.1:{laptop.port}"])
        connect(self, laptop, phone)
        self.assert_alike(laptop, phone)

        seen = peer(phone, "laptop")
        self.assertEqual((seen["url"], seen["key"], seen["state"]), (invitation["a"][0], key_of(laptop), "up"))
        self.assertNotEqual(key_of(laptop), key_of(phone))

    def test_the_key_is_kept_for_the_owner_alone(self):
        laptop = self.agent("laptop").start()
        key = key_of(laptop)
        path = laptop.place.file("data", "syncd", "keys", "device.key")
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)
        laptop.stop()
        laptop.start()
        self.assertEqual(key_of(laptop), key)

        laptop.stop()
        os.chmod(path, 0o644)
        with self.assertRaisesRegex(AssertionError, "open to others"):
            laptop.start()
        os.chmod(path, 0o600)

    def test_another_key_at_the_peers_address_is_named_and_not_trusted(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        connect(self, laptop, phone)
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        self.assert_alike(laptop, phone)
        laptop.stop()
        for name in ("device.key", "device.crt"):
            os.remove(laptop.place.file("data", "syncd", "keys", name))
        phone.ok("set", "n", "/a", "2")
        laptop.start()

        def problem():
            return [p for p in phone.json("status")["problems"] if p["code"] == "peer.untrusted"]

        self.assertIn("not the pinned", wait_until(problem, "the problem in status")[0]["message"])
        self.expect(phone.ctl("peer", "ping", "laptop"), 7, "peer.untrusted")
        self.assertTrue(peer(phone, "laptop")["untrusted"])
        self.assertEqual(laptop.ok("get", "n", "/a"), "1")

        phone.ok("peer", "set", "laptop", "--key", phone.place.write("key", key_of(laptop) + "\n"))
        self.assert_alike(laptop, phone)
        self.assertEqual(laptop.ok("get", "n", "/a"), "2")

    def test_an_invitation_with_another_key_is_refused(self):
        laptop, phone = self.agent("laptop").start(), self.agent("phone").start()
        invitation = open_invitation(laptop.ok("invite"))
        invitation["k"] = "0" * 64

        self.expect(phone.ctl("join", "-", stdin=seal_invitation(invitation) + "\n"), 7, "peer.untrusted")
        self.assertEqual(phone.json("peer", "ls")["items"], [])

    def test_joining_tries_each_address_of_an_invitation(self):
        laptop, stranger, phone = (self.agent(name).start() for name in ("laptop", "stranger", "phone"))
        invitation = open_invitation(laptop.ok("invite"))
        nobody, right = "wss://127.0.0.1:1", invitation["a"][0]
        invitation["a"] = [nobody, f"wss://127.0.0.1:{stranger.port}", right]

        phone.ok("join", "-", stdin=seal_invitation(invitation) + "\n")
        self.assertEqual([each["url"] for each in phone.json("peer", "ls")["items"]], [right])

    def test_a_key_has_to_be_one_and_needs_tls(self):
        laptop = self.agent("laptop").start()
        for key, url in (("SHA256:abc", "wss://127.0.0.1:1"), ("0" * 64, "ws://127.0.0.1:1")):
            answer = laptop.ctl("peer", "add", "nas", url, "--key", laptop.place.write("key", key))
            self.expect(answer, 2, "usage.argument")
        self.assertEqual(laptop.json("peer", "ls")["items"], [])


class Listener(ProcessTest):
    def listening(self, **settings):
        agent = self.agent("laptop")
        agent.place.environment.update({f"SYNCD_LISTEN_{key}": value for key, value in settings.items()})
        return agent.start()

    def test_loopback_takes_clients_without_tls_unless_told_otherwise(self):
        self.assertIn(" 101 ", upgrade(self.listening().port))
        strict = self.listening(TLS="on")
        self.assertEqual(upgrade(strict.port), "")
        self.assertTrue(strict.ready["url"].startswith("wss://"))

    def test_without_tls_the_invitation_has_no_key_to_pin(self):
        laptop, phone = self.listening(TLS="off"), self.agent("phone").start()
        self.assertEqual(open_invitation(laptop.ok("invite"))["a"], [f"ws://127.0.0.1:{laptop.port}"])
        connect(self, laptop, phone)
        self.assert_alike(laptop, phone)
        self.assertIsNone(peer(phone, "laptop")["key"])

    def test_web_pages_connect_only_when_their_origin_is_listed(self):
        page = "Origin: https://app.example"
        self.assertIn(" 403 ", upgrade(self.listening().port, page))
        listed = self.listening(ORIGINS="https://other.example,https://app.example")
        self.assertIn(" 101 ", upgrade(listed.port, page))
        self.assertIn(" 403 ", upgrade(listed.port, "Origin: https://evil.example"))


class Finding(ProcessTest):
    def test_a_document_that_only_a_peer_has_is_fetched(self):
        # Another workspace: nothing is announced, so only asking finds it.
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        url = nas.json("get", "n", "--meta")["id"]
        self.expect(laptop.ctl("get", url), 3, "doc.not_found")
        laptop.ok("peer", "add", "nas", f"ws://127.0.0.1:{nas.port}")
        wait_until(lambda: peer(laptop, "nas")["state"] == "up", "the peer to be up")

        self.assertEqual(json.loads(laptop.ok("get", url)), {"a": 1})
        laptop.ok("set", url, "/b", "2")
        wait_until(lambda: json.loads(nas.ok("get", "n")) == {"a": 1, "b": 2}, "the edit on the nas")
        unknown = "automerge:1Bhh3pU9gLXZiNDL6PEa1Gs9fh"
        self.expect(laptop.ctl("get", unknown), 3, "doc.not_found")

    def test_an_edit_finds_its_document_too_and_a_peer_that_is_away_is_named(self):
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        url = nas.json("get", "n", "--meta")["id"]
        laptop.ok("peer", "add", "nas", f"ws://127.0.0.1:{nas.port}")
        laptop.ok("peer", "add", "attic", f"ws://127.0.0.1:{free_port()}")
        wait_until(lambda: peer(laptop, "nas")["state"] == "up", "the peer to be up")

        laptop.ok("set", url, "/b", "2")
        self.assertEqual(json.loads(laptop.ok("get", url)), {"a": 1, "b": 2})
        self.expect(laptop.ctl("get", "automerge:1Bhh3pU9gLXZiNDL6PEa1Gs9fh"), 3, "attic is not connected")


class Rights(ProcessTest):
    def pair(self, *settings):
        """A laptop and a nas of one workspace; the laptop dials, with these settings."""
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        connect(self, nas, laptop)
        self.assert_alike(nas, laptop)
        if settings:
            laptop.ok("peer", "set", "nas", *settings)
        wait_until(lambda: peer(laptop, "nas")["state"] == "up", "the peer to be up")
        return nas, laptop

    def synced(self, agent, name="nas"):
        agent.ok("wait", "--for", "synced", "--peer", name)

    def test_what_a_peer_is_shows_in_every_way_of_asking(self):
        nas, laptop = self.pair()
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        self.synced(laptop)
        shown = json.loads(laptop.ok("-o", "json", "peer", "show", "nas"))
        self.assertEqual(shown["name"], "nas")
        self.assertEqual(shown["documents_behind"], 0)
        self.assertEqual(shown["bytes_behind"], 0)
        wait_until(lambda: (peer(laptop, "nas")["rtt_ms"] or 0) > 0, "the round-trip time")
        self.assertGreater(json.loads(laptop.ok("-o", "json", "peer", "ping", "nas"))["rtt_ms"], 0)
        self.assertEqual(json.loads(laptop.ok("-o", "json", "peer", "show", shown["key"]))["name"], "nas")
        self.expect(laptop.ctl("peer", "show", "nobody"), 3, "peer.not_found")
        self.expect(laptop.ctl("peer", "ping", "nobody"), 3, "peer.not_found")
        nas.stop()
        wait_until(lambda: peer(laptop, "nas")["state"] == "connecting", "the peer to be gone")
        self.expect(laptop.ctl("peer", "ping", "nas"), 14, "peer.unreachable")
        self.assertIsNone(peer(laptop, "nas")["rtt_ms"])

    def test_a_trial_changes_nothing(self):
        laptop = self.agent("laptop").start()
        laptop.ok("peer", "add", "nas", "ws://127.0.0.1:1", "-n")
        self.assertEqual(laptop.json("peer", "ls")["items"], [])
        laptop.ok("peer", "add", "nas", "ws://127.0.0.1:1", "--paused")
        laptop.ok("peer", "set", "nas", "--policy", "pull", "-n")
        laptop.ok("peer", "rm", "nas", "-n")
        self.assertEqual(peer(laptop, "nas")["policy"], "sync")
        self.expect(laptop.ctl("peer", "rm", "nobody", "-n"), 3, "peer.not_found")

    def test_pull_takes_and_gives_nothing(self):
        nas, laptop = self.pair("--policy", "pull")
        laptop.ok("new", "--name", "mine", "-f", "-", stdin='{"a": 1}')
        nas.ok("new", "--name", "theirs", "-f", "-", stdin='{"b": 1}')
        wait_until(lambda: laptop.ctl("get", "theirs").code == 0, "their document here")
        laptop.ok("set", "theirs", "/c", "1")
        nas.ok("set", "theirs", "/d", "1")
        wait_until(lambda: "d" in json.loads(laptop.ok("get", "theirs")), "their edit here")

        self.synced(laptop)
        self.assertEqual(json.loads(nas.ok("get", "theirs")), {"b": 1, "d": 1})
        self.expect(nas.ctl("get", "mine"), 3, "doc.not_found")
        self.expect(nas.ctl("get", laptop.json("get", "mine", "--meta")["id"]), 3, "doc.not_found")

        laptop.ok("peer", "set", "nas", "--policy", "sync")
        self.assert_alike(nas, laptop)
        self.assertEqual(json.loads(nas.ok("get", "theirs")), {"b": 1, "c": 1, "d": 1})

    def test_push_gives_and_takes_nothing(self):
        nas, laptop = self.pair("--policy", "push")
        laptop.ok("new", "--name", "mine", "-f", "-", stdin='{"a": 1}')
        wait_until(lambda: nas.ctl("get", "mine").code == 0, "our document there")
        nas.ok("set", "mine", "/b", "1")
        laptop.ok("set", "mine", "/c", "1")
        wait_until(lambda: "c" in json.loads(nas.ok("get", "mine")), "our edit there")

        self.synced(laptop)
        self.assertEqual(json.loads(laptop.ok("get", "mine")), {"a": 1, "c": 1})
        laptop.ok("peer", "set", "nas", "--policy", "sync")
        self.assert_alike(nas, laptop)

    def test_only_the_collections_named_are_shared(self):
        nas, laptop = self.pair("--collections", "todo")
        laptop.ok("new", "--name", "todo/home", "-f", "-", stdin='{"a": 1}')
        laptop.ok("new", "--name", "secret/plan", "-f", "-", stdin='{"b": 1}')
        wait_until(lambda: nas.ctl("get", "todo/home").code == 0, "the shared document there")
        self.synced(laptop)
        self.expect(nas.ctl("get", "secret/plan"), 3, "doc.not_found")
        self.expect(nas.ctl("get", laptop.json("get", "secret/plan", "--meta")["id"]), 3, "doc.not_found")

        laptop.ok("name", "set", "todo/plan", "secret/plan")
        wait_until(lambda: nas.ctl("get", "todo/plan").code == 0, "the document that moved into the collection")

    def test_a_limited_invitation_limits_whoever_uses_it(self):
        nas, guest = self.agent("nas").start(), self.agent("guest").start()
        nas.ok("new", "--name", "todo/home", "-f", "-", stdin='{"a": 1}')
        nas.ok("new", "--name", "secret/plan", "-f", "-", stdin='{"b": 1}')
        guest.ok("join", "-", "--name", "nas", stdin=nas.ok("invite", "--collections", "todo", "--read") + "\n")
        wait_until(lambda: guest.ctl("get", "todo/home").code == 0, "the shared document")
        guest.ok("wait", "--for", "synced")  # with what it may have
        guest.ok("set", "todo/home", "/guest", "1")
        nas.ok("set", "todo/home", "/c", "1")
        wait_until(lambda: "c" in json.loads(guest.ok("get", "todo/home")), "the later edit")
        self.assertEqual(guest.ctl("get", "secret/plan").code, 3)
        self.assertEqual(json.loads(nas.ok("get", "todo/home")), {"a": 1, "c": 1})

        # It stays so after both were restarted.
        for agent in (nas, guest):
            agent.stop()
            agent.start()
        nas.ok("set", "todo/home", "/d", "1")
        wait_until(lambda: "d" in json.loads(guest.ok("get", "todo/home")), "an edit after the restart")
        self.assertEqual(guest.ctl("get", "secret/plan").code, 3)
        self.assertEqual(json.loads(nas.ok("get", "todo/home")), {"a": 1, "c": 1, "d": 1})
        limited = [each for each in nas.json("peer", "ls")["items"] if each["configured"]]
        self.assertEqual([(each["policy"], each["collections"]) for each in limited], [("push", ["todo"])])

    def test_a_paused_peer_is_kept_out_when_it_calls(self):
        nas, laptop = self.pair()
        caller = next(each for each in nas.json("peer", "ls")["items"] if each["state"] == "up")
        self.assertFalse(caller["configured"])
        nas.ok("peer", "add", "laptop", f"wss://127.0.0.1:{laptop.port}", "--key",
               nas.place.write("key", key_of(laptop)), "--paused")
        laptop.stop()
        laptop.start()
        refused = wait_until(lambda: peer(laptop, "nas")["last_error"], "the refusal")
        self.assertIn("paused", refused)
        nas.ok("peer", "resume", "laptop")
        wait_until(lambda: peer(nas, "laptop")["state"] == "up", "the peer to be back")

    def test_equal_replicas_that_meet_again_know_that_they_are(self):
        nas, laptop = self.pair()
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        self.synced(laptop)
        for _ in range(10):  # either side's word may come before the other one listens
            laptop.ok("peer", "pause", "nas")
            laptop.ok("peer", "resume", "nas")
            self.synced(laptop)

    def test_a_rate_slows_the_transfer_down(self):
        nas, laptop = self.pair("--rate", "64KiB/s")
        self.assertEqual(peer(laptop, "nas")["rate"], "64KiB/s")
        begin = time.monotonic()
        noise = base64.b64encode(os.urandom(150_000)).decode()
        laptop.ok("new", "--name", "big", "-f", "-", stdin=json.dumps({"text": noise}))
        wait_until(lambda: nas.ctl("get", "big").code == 0, "the document there")
        self.assertGreater(time.monotonic() - begin, 1.5)
        self.expect(laptop.ctl("peer", "set", "nas", "--rate", "1KiB/s"), 2, "usage.argument")


class Workspaces(ProcessTest):
    def introduce(self, agent, other):
        """`peer add` with the other's key, as its owner read it out."""
        agent.ok("peer", "add", other.name, f"wss://127.0.0.1:{other.port}", "--key",
                 agent.place.write(f"key-{other.name}", key_of(other)))

    def test_a_replica_without_names_takes_over_the_workspace_of_a_peer_that_knows_it(self):
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        self.introduce(nas, laptop)
        self.introduce(laptop, nas)
        wait_until(lambda: laptop.ctl("get", "n").code == 0, "the document under its name")
        laptop.ok("new", "--name", "m", "-f", "-", stdin='{"b": 1}')
        self.assert_alike(nas, laptop)
        self.assertEqual(json.loads(nas.ok("get", "m")), {"b": 1})

    def test_who_is_not_known_does_not_learn_the_names(self):
        nas, stranger = self.agent("nas").start(), self.agent("stranger").start()
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        stranger.ok("peer", "add", "nas", f"ws://127.0.0.1:{nas.port}")
        wait_until(lambda: peer(stranger, "nas")["foreign"], "the peer to be up")
        time.sleep(1)  # longer than a workspace that may be taken over would take
        self.expect(stranger.ctl("get", "n"), 3, "doc.not_found")
        # By its id a document can still be had.
        self.assertEqual(json.loads(stranger.ok("get", nas.json("get", "n", "--meta")["id"])), {"a": 1})

    def test_two_workspaces_with_names_stay_two_and_status_says_so(self):
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        laptop.ok("new", "--name", "n", "-f", "-", stdin='{"b": 1}')
        self.introduce(nas, laptop)
        self.introduce(laptop, nas)

        def problem():
            return [p for p in laptop.json("status")["problems"] if p["code"] == "peer.workspace"]

        wait_until(problem, "the problem in status")
        self.expect(laptop.ctl("wait", "--for", "synced", "--peer", "nas", "--timeout", "1s"), 6)
        self.assertEqual(json.loads(laptop.ok("get", "n")), {"b": 1})
        self.assertEqual(json.loads(nas.ok("get", "n")), {"a": 1})
        self.expect(laptop.ctl("join", "-", stdin=nas.ok("invite") + "\n"), 5, "another workspace")

    def test_two_fresh_replicas_that_know_each_other_end_in_one_workspace(self):
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        self.introduce(nas, laptop)
        self.introduce(laptop, nas)

        links = [Connection(agent) for agent in (nas, laptop)]

        def catalogs():
            return {link.ask("agent.hello")["result"]["catalog"] for link in links}

        wait_until(lambda: len(catalogs()) == 1, "one workspace")
        nas.ok("new", "--name", "n", "-f", "-", stdin='{"a": 1}')
        wait_until(lambda: laptop.ctl("get", "n").code == 0, "the document under its name")


class Network(ProcessTest):
    """What lies between two agents: a relay that the test cuts."""

    def test_cuts_in_the_middle_of_a_sync_lose_nothing(self):
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        relay = Relay(nas.port)
        self.addCleanup(relay.close)
        link = Connection(nas)
        for number in range(60):
            answer = link.ask("doc.new", name=f"n/{number}", value={"t": base64.b64encode(os.urandom(3000)).decode()})
            self.assertNotIn("error", answer)
        # The invitation names the relay: what lies between is nobody's to trust, the key is pinned.
        invitation = open_invitation(nas.ok("invite"))
        invitation["a"] = [f"wss://127.0.0.1:{relay.port}"]
        laptop.ok("join", "-", "--name", "nas", stdin=seal_invitation(invitation) + "\n")
        for passed in (20_000, 60_000, 100_000, 140_000):
            wait_until(lambda: relay.passed > passed, f"{passed} bytes to pass")
            relay.cut()
            nas.ok("set", "n/0", f"/after_{passed}", "1")
            laptop.ok("new", "--name", f"mine/{passed}", "-f", "-", stdin='{"a": 1}')
        self.assert_alike(nas, laptop)
        self.assertEqual(len(json.loads(laptop.ok("-o", "json", "ls"))["items"]), 64)


class Window(ProcessTest):
    def test_thousands_of_documents_travel_in_windows(self):
        count = int(os.environ.get("CONVERGE_WINDOW_DOCUMENTS", "5000"))
        nas, laptop = self.agent("nas").start(), self.agent("laptop").start()
        link = Connection(nas)
        batch = 200
        for first in range(0, count, batch):
            lines = []
            for number in range(first, min(first + batch, count)):
                request = {"jsonrpc": "2.0", "id": number, "method": "doc.new",
                           "params": {"value": {"n": number}}}
                lines.append(json.dumps(request).encode() + b"\n")
            link.send(b"".join(lines))
            for _ in lines:
                self.assertNotIn("error", link.receive())
        connect(self, nas, laptop)
        behind = []

        def arrived():
            seen = peer(laptop, "nas")
            behind.append(seen["documents_behind"])
            return laptop.json("status")["store"]["documents"] >= count

        wait_until(arrived, f"{count} documents", DEADLINE_S * 5)
        self.assert_alike(nas, laptop, deadline_s=DEADLINE_S * 2)
        # Never more in exchange at once than a window each way, however many there are.
        self.assertLessEqual(max(behind), 2 * 64 + 64)


class Relay:
    """Passes bytes between the port it listens on and another one; cut() ends what is open."""

    def __init__(self, target):
        self.target = target
        self.passed = 0
        self.open = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                return
            with self.lock:
                self.open += [client, server]
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self.carry, args=(source, sink), daemon=True).start()

    def carry(self, source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
                with self.lock:
                    self.passed += len(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def cut(self):
        with self.lock:
            ends, self.open = self.open, []
        for end in ends:
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    def close(self):
        self.listener.close()
        self.cut()


if __name__ == "__main__":
    unittest.main(verbosity=2)
