"""A full disk: exit 12, a clear text, nothing lost, and it goes on by itself when there is space again."""

import json
import os
import subprocess
import time
import unittest
import urllib.error
import urllib.request

from support import ProcessTest, wait_until

DISK_BYTES = 24 << 20


class FullDisk(ProcessTest):
    def setUp(self):
        super().setUp()
        self.laptop = self.agent("laptop")
        os.makedirs(self.laptop.store)
        mount = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES},mode=0700", "tmpfs", self.laptop.store],
                               capture_output=True, text=True)
        if mount.returncode != 0:
            self.skipTest(f"cannot mount a small tmpfs: {mount.stderr.strip()}")
        config = self.laptop.place.write("syncd.toml", '[store]\nreserve = "4MiB"\n')
        self.laptop.flags += ["--config", config, "--metrics", "127.0.0.1:0"]
        self.laptop.start()
        self.laptop.ok("new", "--name", "n", "-f", "-", stdin="{}")

    def tearDown(self):
        self.laptop.close()
        subprocess.run(["umount", "-l", self.laptop.store], capture_output=True)
        super().tearDown()

    def fill(self):
        """Writes until the agent refuses; the keys that were acknowledged."""
        acknowledged = []
        payload = os.urandom(96 << 10).hex()
        for number in range(400):
            answer = self.laptop.ctl("set", "n", f"/k{number}", "-f", "-", stdin=json.dumps(payload), )
            if answer.code != 0:
                self.expect(answer, 12)
                return acknowledged
            acknowledged.append(f"k{number}")
        self.fail("the disk never filled")

    def test_22_a_full_disk_is_exit_12_and_reading_never_lies(self):
        acknowledged = self.fill()

        # The agent tries to open its files again every second; reading must not notice.
        until = time.monotonic() + 2.5
        while time.monotonic() < until:
            self.assertEqual(set(self.laptop.json("get", "n")), set(acknowledged))
            self.expect(self.laptop.ctl("set", "n", "/more", "1"), 12)
            time.sleep(0.2)
        self.assertEqual(self.laptop.json("status")["store"]["read_only"], True)
        with self.assertRaises(urllib.error.HTTPError) as refusal:
            urllib.request.urlopen(f"http://{self.laptop.ready['metrics']}/readyz")
        with refusal.exception as answer:
            self.assertEqual(answer.code, 503)
            self.assertIn("the store is read-only", answer.read().decode())

    def test_what_was_acknowledged_survives_a_kill_on_a_full_disk(self):
        acknowledged = self.fill()
        self.laptop.kill()
        subprocess.run(["mount", "-o", f"remount,size={3 * DISK_BYTES}", self.laptop.store], check=True)
        self.laptop.start()

        self.assertEqual(set(self.laptop.json("get", "n")), set(acknowledged))

    def test_22_writing_goes_on_by_itself_when_there_is_space(self):
        self.fill()
        subprocess.run(["mount", "-o", f"remount,size={4 * DISK_BYTES}", self.laptop.store], check=True)

        wait_until(lambda: self.laptop.ctl("set", "n", "/after", "1").code == 0, "writes to be taken again")


if __name__ == "__main__":
    unittest.main(verbosity=2)
