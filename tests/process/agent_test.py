"""What an operator does to a running agent: look at it, turn its log up, have it read its configuration again."""

import json
import os
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from support import DEADLINE_S, SYNCCTL, SYNCD, ProcessTest, connect, syncctl, wait_until


class Operating(ProcessTest):
    def start(self, *lines):
        agent = self.agent("laptop", "--shards", "1")
        self.configure(agent, *lines)
        agent.flags += ["--config", agent.place.file("syncd.toml")]
        return agent.start()

    def configure(self, agent, *lines):
        agent.place.write("syncd.toml", "".join(line + "\n" for line in lines))

    def test_the_configuration_is_read_again(self):
        agent = self.start('[log]', 'level = "info"')
        self.assertEqual(agent.ok("agent", "reload"), "unchanged")

        self.configure(agent, '[log]', 'level = "debug"', 'format = "json"', '[sync]', 'window = 3')
        answer = agent.ctl("agent", "reload")
        self.assertEqual((answer.code, answer.out), (0, "changed  log.level, log.format\n"), str(answer))
        self.assertIn("only a restart brings sync.window", answer.err)
        self.assertEqual(agent.ok("agent", "level"), "debug")
        self.assertEqual(json.loads(agent.log_text().splitlines()[-1])["code"], "config.reloaded")

        self.configure(agent, '[log]', 'level = "loud"')
        self.expect(agent.ctl("agent", "reload"), 2, "syncd.toml:2", "config.invalid")
        self.assertEqual(agent.ok("agent", "level"), "debug")
        self.configure(agent, '[log]', 'level = "warn"')
        agent.process.send_signal(signal.SIGHUP)
        wait_until(lambda: agent.ok("agent", "level") == "warn", "SIGHUP to change the level")

    def test_the_level_changes_for_a_while(self):
        agent = self.start()
        self.assertEqual(agent.ok("agent", "level"), "info")
        self.assertEqual(agent.ok("agent", "level", "error"), "error")
        self.assertEqual(agent.json("agent", "level"), {"kind": "LogLevel", "v": 1, "level": "error", "configured": "info"})
        self.assertEqual(agent.ok("agent", "level", "debug", "--for", "1ms"), "debug")
        wait_until(lambda: agent.ok("agent", "level") == "info", "the level to go back")
        self.expect(agent.ctl("agent", "level", "loud"), 2, "loud")
        self.expect(agent.ctl("agent", "level", "--for", "1m"), 2, "--for")

    def test_the_log_is_shown_and_followed(self):
        agent = self.start()
        codes = [line["code"] for line in agent.json("agent", "logs")["items"]]
        self.assertIn("agent.ready", codes)
        self.assertEqual(agent.json("agent", "logs", "--level", "error")["items"], [])
        self.assertEqual(agent.json("agent", "logs", "--since", "2099-01-01T00:00:00Z")["items"], [])
        self.expect(agent.ctl("agent", "logs", "--since", "#4"), 2)

        follower = subprocess.Popen([SYNCCTL, "--socket", agent.socket_path, "agent", "logs", "--follow", "-o", "json"],
                                    env=agent.place.environment, stdout=subprocess.PIPE, text=True)
        try:
            self.assertEqual([json.loads(follower.stdout.readline())["code"] for _ in codes], codes)
            agent.ok("agent", "reload")
            line = json.loads(follower.stdout.readline())
            self.assertEqual((line["kind"], line["code"]), ("LogLine", "config.reloaded"))
            # An agent that goes away is waited for, and no line comes twice.
            self.assertEqual(agent.stop(), 0)
            agent.start()
            seen = []
            while not seen or seen[-1]["code"] != "agent.ready":
                seen.append(json.loads(follower.stdout.readline()))
            self.assertNotIn("config.reloaded", [line["code"] for line in seen])
            self.assertEqual([line["code"] for line in seen].count("store.open"), 1)
            follower.send_signal(signal.SIGINT)
            self.assertEqual(follower.wait(DEADLINE_S), -signal.SIGINT)
        finally:
            follower.kill()
            follower.stdout.close()

    def test_the_counters_have_a_text_and_a_json_form(self):
        agent = self.start()
        agent.ok("new", "--name", "a", "-f", "-", stdin="{}")
        text = agent.ok("agent", "metrics")
        self.assertIn("# TYPE syncd_requests_total counter", text)
        self.assertIn("\nsyncd_documents 2\n", text)
        families = {family["name"]: family for family in agent.json("agent", "metrics")["items"]}
        samples = families["syncd_requests_total"]["samples"]
        self.assertIn({"name": "syncd_requests_total", "labels": {"method": "doc.new", "result": "ok"}, "value": 1}, samples)
        self.assertEqual(families["syncd_request_seconds"]["type"], "histogram")


    def test_monitoring_programs_ask_over_http(self):
        agent = self.start("[metrics]", 'address = "127.0.0.1:0"')
        base = "http://" + agent.ready["metrics"]

        def ask(path):
            try:
                with urllib.request.urlopen(base + path, timeout=DEADLINE_S) as answer:
                    return answer.status, answer.read().decode()
            except urllib.error.HTTPError as refusal:
                with refusal:
                    return refusal.code, refusal.read().decode()

        self.assertEqual(ask("/healthz"), (200, "ok\n"))
        self.assertEqual(ask("/readyz"), (200, "ready\n"))
        self.assertIn("# TYPE syncd_store_writable gauge", ask("/metrics")[1])
        self.assertEqual(ask("/")[0], 404)

    def test_the_settings_in_force_are_printed_without_starting(self):
        place = self.place("settings")
        path = place.write("syncd.toml", '[log]\nlevel = "warn"\n')
        flags = {"env": place.environment, "capture_output": True, "text": True, "timeout": DEADLINE_S}
        run = subprocess.run([SYNCD, "--config", path, "--shards", "3", "--print-config"], **flags)
        printed = json.loads(run.stdout)
        self.assertEqual((run.returncode, printed["kind"], printed["file"]), (0, "AgentSettings", path))
        self.assertEqual((printed["settings"]["log.level"], printed["settings"]["agent.shards"]), ("warn", "3"))
        self.assertFalse(os.path.exists(place.file("data", "syncd")), "nothing may be made")
        run = subprocess.run([SYNCD, "--config", path, "--shards", "many", "--print-config"], **flags)
        self.assertEqual((run.returncode, run.stdout), (2, ""))

    def test_monitoring_is_for_this_machine_alone(self):
        agent = self.agent("laptop", "--metrics", "0.0.0.0:9464")
        run = subprocess.run(agent.command(), env=agent.place.environment, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("loopback", run.stderr)


class Doctor(ProcessTest):
    def report(self, agent, *flags):
        answer = agent.ctl("doctor", "-o", "json", *flags)
        return answer.code, {item["check"]: item for item in answer.json()["items"]}

    def test_it_finds_nothing_on_a_sound_agent_and_what_is_wrong_otherwise(self):
        agent = self.agent("laptop", "--shards", "1").start()
        code, checks = self.report(agent)
        self.assertEqual([each for each in checks.values() if each["state"] == "failed"], [])
        self.assertEqual(code, 0)
        self.assertEqual(checks["lock"]["message"], f"held by the agent, process {agent.process.pid}")
        self.assertIn(str(agent.port), checks["listener"]["message"])
        self.assertEqual(len(agent.ok("doctor").splitlines()), len(agent.json("doctor")["items"]))

        key = agent.place.file("data", "syncd", "keys", "device.key")
        os.chmod(key, 0o644)
        code, checks = self.report(agent)
        self.assertEqual((code, checks["key"]["state"], checks["key"]["next"]), (1, "failed", f"chmod 600 {key}"))
        self.assertEqual(agent.ctl("doctor", "-o", "name").out, "key\n")
        self.report(agent, "--fix", "-n")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o644)
        code, checks = self.report(agent, "--fix")
        self.assertEqual((code, checks["key"]["state"]), (0, "fixed"))
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)

        self.assertEqual(agent.stop(), 0)
        agent.place.write("config/syncd.toml", "")
        os.makedirs(agent.place.file("config", "syncctl"))
        agent.place.write("config/syncctl/config.toml", "colour = 1\n")
        code, checks = self.report(agent)
        self.assertEqual(code, 1)
        self.assertEqual([name for name in ("settings", "socket", "agent") if checks[name]["state"] == "failed"],
                         ["settings", "socket", "agent"])
        agent.place.write("config/syncctl/config.toml", "")
        answer = syncctl(agent.place, "--store", agent.store, "doctor", "-o", "json")
        self.assertEqual([item["check"] for item in answer.json()["items"]], ["settings", "store", "lock", "space"])
        self.assertEqual(answer.code, 0)


class Keys(ProcessTest):
    def test_a_revoked_key_is_refused_until_it_is_trusted(self):
        laptop, phone = self.agent("laptop", "--shards", "1").start(), self.agent("phone", "--shards", "1").start()
        connect(self, laptop, phone)
        key = phone.ok("key", "show")
        wait_until(lambda: key in laptop.ok("key", "ls", "-o", "name"), "the phone's key to be seen")

        self.assertEqual(laptop.json("key", "revoke", key)["state"], "revoked")
        wait_until(lambda: "revoked" in (phone.json("peer", "show", "laptop")["last_error"] or ""), "the phone to be refused")
        self.assertEqual([each for each in laptop.json("peer", "ls")["items"] if each["state"] == "up"], [])
        laptop.ok("peer", "add", "phone", f"wss://127.0.0.1:{phone.port}", "--paused")
        laptop.ok("key", "trust", "phone", "-f", "-", stdin=key + "\n")
        self.assertEqual(laptop.json("key", "show", "phone")["state"], "pinned")
        laptop.ok("peer", "resume", "phone")
        wait_until(lambda: laptop.json("peer", "show", "phone")["state"] == "up", "the phone to be back")

    def test_a_key_is_made_and_replaced(self):
        agent = self.agent("laptop", "--shards", "1").start()
        folder = agent.place.file("data", "syncd", "keys")
        old = agent.ok("key", "show")
        self.assertEqual(agent.json("key", "new")["unchanged"], True)
        spare = agent.json("key", "new", "--name", "phone")
        self.assertEqual(os.stat(spare["path"]).st_mode & 0o777, 0o600)
        self.expect(agent.ctl("key", "new", "--name", "../phone"), 2)
        self.expect(agent.ctl("key", "rotate"), 13)
        new = agent.ok("key", "rotate", "--yes")
        self.assertNotEqual(new, old)
        self.assertEqual(agent.ok("key", "show"), old)
        self.assertTrue(os.path.exists(os.path.join(folder, "device.key.old")))

        self.assertEqual(agent.stop(), 0)
        agent.start()
        self.assertEqual(agent.ok("key", "show"), new)


if __name__ == "__main__":
    unittest.main(verbosity=2)
