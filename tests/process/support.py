"""Runs the real syncd and syncctl for the process tests: start, ask, kill, restart, compare.

The programs come from the environment: SYNCD and SYNCCTL (ctest sets them). Every agent lives in a
folder of its own with its own HOME and XDG folders, listens on a free port of 127.0.0.1, and is ended
with the test. Waiting is always for an event with a deadline, never for a time.
"""

import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

SYNCD = os.path.abspath(os.environ["SYNCD"]) if "SYNCD" in os.environ else "syncd"
SYNCCTL = os.path.abspath(os.environ["SYNCCTL"]) if "SYNCCTL" in os.environ else "syncctl"
# Sanitizer builds on a busy machine are slow; a deadline that is never reached costs nothing.
DEADLINE_S = float(os.environ.get("CONVERGE_TEST_DEADLINE_S", "60"))
SKIPPED = 77


def wait_until(condition, what, deadline_s=DEADLINE_S):
    """Asks until `condition` returns something true, which is the result."""
    end = time.monotonic() + deadline_s
    pause = 0.002
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"waited {deadline_s:.0f} s in vain for {what}")
        time.sleep(pause)
        pause = min(0.1, pause * 1.5)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Place:
    """A folder with its own HOME, XDG folders and environment; removed by close()."""

    def __init__(self, name):
        self.path = tempfile.mkdtemp(prefix=f"converge-{name}-")
        self.environment = {
            key: value for key, value in os.environ.items()
            if not key.startswith(("SYNCCTL_", "SYNCD_", "XDG_")) and key not in ("NO_COLOR", "FORCE_COLOR")
        }
        self.environment.update(HOME=self.path, LANG="C.UTF-8")
        for variable, folder in (("XDG_CONFIG_HOME", "config"), ("XDG_DATA_HOME", "data"),
                                 ("XDG_STATE_HOME", "state"), ("XDG_CACHE_HOME", "cache"),
                                 ("XDG_RUNTIME_DIR", "run")):
            os.makedirs(self.file(folder), mode=0o700, exist_ok=True)
            self.environment[variable] = self.file(folder)

    def file(self, *parts):
        return os.path.join(self.path, *parts)

    def write(self, name, content):
        mode = "wb" if isinstance(content, bytes) else "w"
        with open(self.file(name), mode) as file:
            file.write(content)
        return self.file(name)

    def close(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Answer:
    """What a run of syncctl left behind."""

    def __init__(self, arguments, process):
        self.arguments = arguments
        self.code = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return f"syncctl {' '.join(self.arguments)}\n  exit {self.code}\n  stdout: {self.out}\n  stderr: {self.err}"


def syncctl(place, *arguments, stdin=None, cwd=None):
    """Runs syncctl without an agent of its own; `arguments` say what it works on."""
    process = subprocess.run([SYNCCTL, *arguments], env=place.environment, capture_output=True, text=True,
                             input=stdin if stdin is not None else "", timeout=DEADLINE_S * 2, cwd=cwd or place.path)
    return Answer(arguments, process)


class Agent:
    """One syncd with a store that outlives it."""

    def __init__(self, name, *flags, ephemeral=False, place=None):
        self.name = name
        self.place = place or Place(name)
        self.flags = list(flags)
        self.ephemeral = ephemeral
        self.port = free_port()
        self.process = None
        self.ready = None
        self.connections = []
        self.log = open(self.place.file("syncd.log"), "ab")

    @property
    def socket_path(self):
        return self.place.file("run", "syncd.sock")

    @property
    def store(self):
        return self.place.file("store")

    def command(self):
        command = [SYNCD, "--socket", self.socket_path, "--listen", f"127.0.0.1:{self.port}",
                   "--ready-file", self.place.file("ready.json"), *self.flags]
        return command + (["--ephemeral"] if self.ephemeral else ["--store", self.store])

    def start(self):
        ready_file = self.place.file("ready.json")
        if os.path.exists(ready_file):
            os.remove(ready_file)
        self.process = subprocess.Popen(self.command(), env=self.place.environment, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log)

        def written():
            if self.process.poll() is not None:
                raise AssertionError(f"{self.name} ended with {self.process.returncode} instead of starting:\n{self.log_text()}")
            try:
                with open(ready_file, encoding="utf-8") as file:
                    return json.load(file)
            except (FileNotFoundError, ValueError):
                return None

        self.ready = wait_until(written, f"{self.name} to be ready")
        return self

    def log_text(self, lines=40):
        with open(self.place.file("syncd.log"), encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])

    def kill(self):
        """SIGKILL: nothing of the agent gets a chance to tidy up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def stop(self):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(DEADLINE_S)

    def ctl(self, *arguments, stdin=None):
        return syncctl(self.place, "--socket", self.socket_path, *arguments, stdin=stdin)

    def ok(self, *arguments, stdin=None):
        """Runs syncctl, which must succeed; its stdout without the last newline."""
        answer = self.ctl(*arguments, stdin=stdin)
        if answer.code != 0:
            raise AssertionError(f"on {self.name}: {answer}\nlog of the agent:\n{self.log_text()}")
        return answer.out.rstrip("\n")

    def json(self, *arguments, stdin=None):
        return json.loads(self.ok("-o", "json", *arguments, stdin=stdin))

    def close(self):
        if self.log.closed:
            return
        if self.process is not None and self.process.poll() is None:
            self.kill()
        self.log.close()
        for connection in self.connections:
            connection.close()


class Connection:
    """The control protocol spoken directly (core/control/PROTOCOL.md): many requests a second."""

    def __init__(self, agent):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(DEADLINE_S)
        self.socket.connect(agent.socket_path)
        agent.connections.append(self.socket)
        self.rest = b""
        self.next_id = 0

    def send(self, line):
        self.socket.sendall(line)

    def receive(self):
        """One decoded line, or None when the agent has closed the connection."""
        while b"\n" not in self.rest:
            got = self.socket.recv(65536)
            if not got:
                return None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        return json.loads(line)

    def ask(self, method, **params):
        """The whole answer object. Raises OSError when the agent goes away."""
        self.next_id += 1
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.next_id, "method": method, "params": params}).encode() + b"\n")
        while True:
            answer = self.receive()
            if answer is None:
                raise ConnectionError("the agent closed the connection")
            if answer.get("id") == self.next_id:
                return answer

    def close(self):
        self.socket.close()


class ProcessTest(unittest.TestCase):
    """Ends what it started, and shows the agents' logs when a test fails."""

    def setUp(self):
        self.agents = []
        self.places = []
        self.failures_before = len(self._outcome.result.failures) + len(self._outcome.result.errors)

    def agent(self, name, *flags, **options):
        agent = Agent(name, *flags, **options)
        self.agents.append(agent)
        return agent

    def place(self, name):
        place = Place(name)
        self.places.append(place)
        return place

    def tearDown(self):
        result = self._outcome.result
        failed = len(result.failures) + len(result.errors) > self.failures_before
        for agent in self.agents:
            agent.close()
            if failed:
                print(f"--- last lines of {agent.name}'s log\n{agent.log_text()}", file=sys.stderr)
            agent.place.close()
        for place in self.places:
            place.close()

    def expect(self, answer, code, *error_words):
        """The exit code, and the error form of the command-line contract, section 9."""
        self.assertEqual(answer.code, code, str(answer))
        if code not in (0, 1):
            self.assertTrue(answer.err.startswith("syncctl: error: "), str(answer))
            self.assertLessEqual(len(answer.err.splitlines()), 5, str(answer))
        for word in error_words:
            self.assertIn(word, answer.err, str(answer))

    def assert_alike(self, *agents, deadline_s=DEADLINE_S):
        """The agents reach equal digests over all documents."""

        def digests():
            roots = [agent.ok("digest", "--root") for agent in agents]
            return len(set(roots)) == 1

        wait_until(digests, f"equal digests on {', '.join(agent.name for agent in agents)}", deadline_s)


def connect(test, first, second):
    """Joins `second` to `first`'s workspace with an invitation, as two people would."""
    invitation = first.ok("invite")
    test.assertNotIn("\n", invitation)
    second.ok("join", "-", "--name", first.name, stdin=invitation + "\n")


def seed():
    """The run's seed, printed so that it can be repeated with CONVERGE_TEST_SEED."""
    value = int(os.environ.get("CONVERGE_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {value} (repeat with CONVERGE_TEST_SEED={value})")
    return random.Random(value)


def skip(reason):
    """Ends the whole program as skipped, loudly."""
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)
