"""Start, change, stop, kill, restart: what one agent promises to whoever runs it."""

import json
import os
import signal
import subprocess
import unittest

from support import DEADLINE_S, SYNCD, Agent, Connection, ProcessTest, syncctl, wait_until


class Lifecycle(ProcessTest):
    def test_a_document_survives_a_clean_stop(self):
        agent = self.agent("laptop").start()
        url = agent.ok("new", "--name", "todo/home", "-f", "-", stdin='{"items": [], "title": "list"}')
        self.assertTrue(url.startswith("automerge:"), url)
        agent.ok("set", "todo/home", "/title", '"shopping"')
        agent.ok("insert", "todo/home", "/items/-", '"milk"')
        heads = agent.ok("heads", "todo/home")
        self.assertEqual(agent.stop(), 0, agent.log_text())

        agent.start()
        self.assertEqual(json.loads(agent.ok("get", "todo/home")), {"items": ["milk"], "title": "shopping"})
        self.assertEqual(agent.ok("heads", "todo/home"), heads)

    def test_what_was_acknowledged_survives_a_kill(self):
        agent = self.agent("laptop").start()
        agent.ok("new", "--name", "n", "-f", "-", stdin="{}")
        for number in range(10):
            agent.ok("set", "n", f"/k{number}", str(number))
        agent.kill()

        agent.start()
        self.assertEqual(json.loads(agent.ok("get", "n")), {f"k{number}": number for number in range(10)})

    def test_an_ephemeral_agent_forgets(self):
        agent = self.agent("laptop", ephemeral=True).start()
        agent.ok("new", "--name", "n", "-f", "-", stdin="{}")
        agent.stop()

        agent.start()
        self.assertEqual(agent.ctl("get", "n").code, 3)

    def test_the_ready_file_says_where_the_agent_is(self):
        agent = self.agent("laptop").start()

        self.assertEqual(agent.ready["pid"], agent.process.pid)
        self.assertEqual(agent.ready["socket"], agent.socket_path)
        self.assertIn(str(agent.port), json.dumps(agent.ready["listen"]))
        answer = syncctl(agent.place, "-C", agent.place.file("ready.json"), "status", "-o", "json")
        self.assertEqual(answer.json()["agent"]["pid"], agent.process.pid)

    def test_the_socket_belongs_to_its_owner_alone(self):
        agent = self.agent("laptop").start()

        self.assertEqual(os.stat(agent.socket_path).st_mode & 0o077, 0)

    def test_terminating_it_while_writers_work_is_clean(self):
        agent = self.agent("laptop").start()
        agent.ok("new", "--name", "n", "-f", "-", stdin="{}")
        writers = [Connection(agent) for _ in range(4)]
        for number, writer in enumerate(writers):
            for step in range(50):
                writer.send(json.dumps({"jsonrpc": "2.0", "id": step, "method": "doc.set",
                                        "params": {"doc": "n", "edits": [{"pointer": f"/w{number}", "value": step}]}}).encode() + b"\n")
        self.assertEqual(agent.stop(), 0, agent.log_text())
        self.assertFalse(os.path.exists(agent.socket_path), "the socket file is left behind")

    def test_a_second_terminate_ends_it_at_once(self):
        agent = self.agent("laptop").start()
        agent.process.send_signal(signal.SIGTERM)
        try:
            agent.process.send_signal(signal.SIGTERM)
        except ProcessLookupError:
            pass
        self.assertIsNotNone(agent.process.wait(DEADLINE_S))

    def test_a_socket_left_by_a_killed_agent_is_taken_over(self):
        agent = self.agent("laptop").start()
        agent.kill()
        self.assertTrue(os.path.exists(agent.socket_path))

        agent.start()
        self.assertEqual(agent.ctl("status").code, 0)

    def test_agent_stop_ends_it(self):
        agent = self.agent("laptop").start()
        agent.json("status")
        connection = Connection(agent)
        connection.ask("agent.stop", deadline_ms=5000)

        self.assertEqual(agent.process.wait(DEADLINE_S), 0)


class FreshHome(ProcessTest):
    def test_with_nothing_but_a_home_both_programs_find_each_other(self):
        place = self.place("fresh")
        for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"):
            del place.environment[variable]
        place.environment["HOME"] = place.file("home")
        os.makedirs(place.file("home"))
        agent = subprocess.Popen([SYNCD, "--listen", "off"], env=place.environment, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_until(lambda: syncctl(place, "agent", "show").code == 0, "the agent to answer")
            url = syncctl(place, "new", "--name", "n")
            self.assertEqual(url.code, 0, str(url))
            self.assertEqual(os.stat(place.file("home", ".local")).st_mode & 0o077, 0)
        finally:
            agent.terminate()
            agent.wait(DEADLINE_S)


class Refusals(ProcessTest):
    """An agent that cannot start says why and leaves everything as it was."""

    def run_syncd(self, place, *flags):
        return subprocess.run([SYNCD, *flags], env=place.environment, capture_output=True, text=True, timeout=DEADLINE_S,
                              stdin=subprocess.DEVNULL)

    def test_a_store_in_use_is_exit_9_and_names_the_process(self):
        agent = self.agent("laptop").start()
        other = self.place("other")
        run = self.run_syncd(other, "--store", agent.store, "--socket", other.file("s"), "--listen", "off")

        self.assertEqual(run.returncode, 9, run.stderr)
        self.assertIn(str(agent.process.pid), run.stderr)
        self.assertEqual(agent.ctl("status").code, 0)

    def test_syncctl_on_a_store_in_use_is_exit_9(self):
        agent = self.agent("laptop").start()
        self.expect(syncctl(agent.place, "--store", agent.store, "ls"), 9, str(agent.process.pid))

    def test_a_port_that_is_taken_is_an_error(self):
        agent = self.agent("laptop").start()
        other = self.place("other")
        run = self.run_syncd(other, "--ephemeral", "--socket", other.file("s"), "--listen", f"127.0.0.1:{agent.port}")

        self.assertEqual(run.returncode, 20, run.stderr)
        self.assertIn(str(agent.port), run.stderr)

    def test_a_socket_in_use_is_an_error(self):
        agent = self.agent("laptop").start()
        other = self.place("other")
        run = self.run_syncd(other, "--ephemeral", "--socket", agent.socket_path)

        self.assertNotEqual(run.returncode, 0)
        self.assertIn(agent.socket_path, run.stderr)
        self.assertEqual(agent.ctl("status").code, 0)

    def test_a_wrong_key_in_the_configuration_names_file_and_line(self):
        place = self.place("config")
        path = place.write("syncd.toml", '[store]\ndir = "x"\ncolour = "blue"\n')
        run = self.run_syncd(place, "--config", path)

        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("syncd.toml:3", run.stderr)
        self.assertIn("colour", run.stderr)

    def test_a_wrong_flag_is_exit_2(self):
        run = self.run_syncd(self.place("flags"), "--colour", "blue")

        self.assertEqual(run.returncode, 2)
        self.assertIn("--colour", run.stderr)

    def test_a_folder_that_is_no_store_is_left_alone(self):
        place = self.place("folder")
        os.makedirs(place.file("photos"))
        place.write("photos/holiday.jpg", b"not ours")
        run = self.run_syncd(place, "--store", place.file("photos"), "--socket", place.file("s"), "--listen", "off")

        self.assertNotEqual(run.returncode, 0)
        self.assertEqual(os.listdir(place.file("photos")), ["holiday.jpg"])

    def test_no_agent_is_exit_4_with_a_hint(self):
        place = self.place("nobody")
        self.expect(syncctl(place, "--socket", place.file("nobody.sock"), "get", "todo/home"), 4, "hint:", "agent.unreachable")

    def test_an_agent_that_never_answers_is_exit_6(self):
        agent = self.agent("laptop").start()
        agent.process.send_signal(signal.SIGSTOP)
        try:
            self.expect(agent.ctl("--timeout", "200ms", "get", "todo/home"), 6)
        finally:
            agent.process.send_signal(signal.SIGCONT)
        wait_until(lambda: agent.ctl("status").code == 0, "the agent to answer again")


class OtherUsers(ProcessTest):
    def setUp(self):
        super().setUp()
        if os.getuid() != 0:
            self.skipTest("needs root to become another user")

    def test_the_socket_of_another_user_is_exit_7(self):
        agent = self.agent("laptop").start()
        for folder in (agent.place.path, agent.place.file("run")):
            os.chmod(folder, 0o755)
        os.chmod(agent.socket_path, 0o666)  # even when the mode lets it through, the credentials do not
        run = subprocess.run([os.environ.get("SYNCCTL", "syncctl"), "--socket", agent.socket_path, "ls"], user=65534, group=65534,
                             extra_groups=[], env={"HOME": "/nonexistent", "PATH": os.environ["PATH"]}, cwd="/",
                             capture_output=True, text=True, timeout=DEADLINE_S)

        self.assertEqual(run.returncode, 7, run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
