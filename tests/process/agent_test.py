"""What an operator does to a running agent: look at it, turn its log up, have it read its configuration again."""

import json
import signal
import subprocess
import unittest
import urllib.error
import urllib.request

from support import DEADLINE_S, SYNCCTL, ProcessTest, wait_until


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
            self.assertEqual(agent.stop(), 0)
            self.assertEqual(follower.wait(DEADLINE_S), 4)
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

    def test_monitoring_is_for_this_machine_alone(self):
        agent = self.agent("laptop", "--metrics", "0.0.0.0:9464")
        run = subprocess.run(agent.command(), env=agent.place.environment, capture_output=True, text=True, timeout=DEADLINE_S)
        self.assertEqual(run.returncode, 2, run.stderr)
        self.assertIn("loopback", run.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
