# SPDX-License-Identifier: MIT
"""Redis: a client that leaves during its own script, and a cached connection whose other end has
left. Redis takes both out of its epoll set while it still knows their numbers."""

import socket
import subprocess
import threading
import unittest

from support import DEADLINE, ROUNDS, Load, Target, TestCase, clear, program, stuck_ones, wait_until


class Client:
    """Speaks RESP2."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=DEADLINE)
        self.file = self.socket.makefile("rb")

    def send(self, *words):
        words = [str(word).encode() for word in words]
        self.socket.sendall(
            b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words)
        )

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"$" and rest != "-1":
            return self.file.read(int(rest) + 2)[:-2].decode()
        if kind not in b"+-:$" or not line.endswith(b"\r\n"):
            raise AssertionError(f"not an answer: {line!r}")
        return kind.decode() + rest if kind == b"-" else rest

    def ask(self, *words):
        self.send(*words)
        return self.read()

    def port(self):
        return self.socket.getsockname()[1]

    def hang_up(self):
        self.file.close()
        self.socket.close()


def echo_and_check(client, text):
    """While a script is busy, Redis says so."""
    answer = client.ask("ECHO", text)
    if answer != text and not answer.startswith("-BUSY "):
        raise AssertionError(f"asked for {text!r}, got {answer!r}")


class Redis(Target):
    def __init__(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        options = {
            "port": self.port,
            "bind": "127.0.0.1",
            "save": "",
            "busy-reply-threshold": 1,
            "loglevel": "notice",
        }
        words = [word for name, value in options.items() for word in (f"--{name}", value)]
        super().__init__(
            lambda directory: [program("redis-server"), *words, "--dir", directory],
            stdout=subprocess.DEVNULL,
        )
        self.control = wait_until(self.client, "it listens")

    def client(self):
        try:
            return Client(self.port)
        except ConnectionRefusedError:
            self.process.poll()
            return None

    def stop(self):
        self.control.hang_up()
        return super().stop()


class MigrationTarget(threading.Thread):
    """Takes what MIGRATE sends; hangs up when told to."""

    def __init__(self):
        super().__init__()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connection = None
        self.start()

    def run(self):
        while True:
            try:
                self.connection, _ = self.listener.accept()
            except OSError:  # stop()
                return
            with self.connection as connection, connection.makefile("rb") as words:
                while head := words.readline():
                    for _ in range(int(head[1:])):
                        words.read(int(words.readline()[1:]) + 2)
                    connection.sendall(b"+OK\r\n")

    def hang_up(self):
        """Returns the port from which it was connected to."""
        port = self.connection.getpeername()[1]
        self.connection.shutdown(socket.SHUT_RDWR)
        return port

    def stop(self):
        """After the other end, so that all connections have ended."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join()
        self.listener.close()


class RedisTest(TestCase):
    def setUp(self):
        self.target = MigrationTarget()
        self.addCleanup(self.target.stop)
        self.redis = Redis()
        self.addCleanup(self.redis.stop)
        self.control = self.redis.control

    def over_and_over(self, each):
        threads, fds = self.redis.threads(), len(self.redis.links())
        with Load(lambda: Client(self.redis.port), echo_and_check) as load:

            def serves():
                answered = load.answered
                wait_until(lambda: load.errors or load.answered > answered + 20, "answers")
                self.assertEqual(load.errors, [])

            for _ in range(ROUNDS):
                each(serves)
                self.assert_unharmed(self.redis, threads)
        self.assertEqual(load.errors, [])
        wait_until(lambda: len(self.redis.links()) == fds, "the numbers are given back")
        self.assertEqual(self.control.ask("CLIENT", "LIST").count("\n"), 1, "only we are left")

    def clear(self, inodes):
        cleared = clear(self.redis.pid)
        self.assertEqual(self.assert_cleared(self.redis, inodes, cleared), len(inodes))
        for inode in inodes:
            step = cleared[inode].step
            self.assertEqual(step["actions"], ["shutdown", "replace"], step)
            self.assertIn("runs an event loop", step["reason"])

    def test_a_client_that_leaves_its_script(self):
        echo_and_check(self.control, "warm")

        def each(serves):
            client = Client(self.redis.port)
            client.send("EVAL", "while true do end", 0)
            wait_until(lambda: self.control.ask("PING").startswith("-BUSY"), "the script")
            ports = {client.port()}
            client.hang_up()
            self.clear(stuck_ones(self.redis.port, ports))
            serves()
            self.assertEqual(self.control.ask("SCRIPT", "KILL"), "OK")
            wait_until(lambda: self.control.ask("PING") == "PONG", "the end of the script")
            serves()

        self.over_and_over(each)

    def test_a_cached_connection_to_another_server(self):
        def migrate():
            words = ("MIGRATE", "127.0.0.1", self.target.port, "key", 0, 60000, "COPY", "REPLACE")
            self.assertEqual(self.control.ask(*words), "OK")

        self.control.ask("SET", "key", "value")
        migrate()

        def each(serves):
            self.clear(stuck_ones(self.target.hang_up(), {self.target.port}))
            serves()
            migrate()
            serves()

        self.over_and_over(each)


if __name__ == "__main__":
    unittest.main()
