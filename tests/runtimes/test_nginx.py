# SPDX-License-Identifier: MIT
"""nginx before an upstream that hangs: with proxy_ignore_client_abort, clients that give up stay in
CLOSE_WAIT. A number that it still writes to must never become another client's."""

import os
import pathlib
import re
import signal
import socket
import unittest

from http_ends import Browser, Upstream, get_and_check
from support import ROUNDS, Load, Target, TestCase, clear, program, stuck_ones, wait_until

CONFIGURATION = """
daemon off;
user root;
worker_processes 1;
pid {directory}/pid;
error_log stderr info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    keepalive_requests 1000000;
    keepalive_timeout {keepalive};
    upstream app {{
        server 127.0.0.1:{upstream};
        keepalive 4;
        keepalive_requests 1000000;
    }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://app;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_ignore_client_abort on;
        }}
    }}
}}
"""


class Nginx(Target):
    """Its worker is the one that is looked at."""

    def __init__(self, upstream, keepalive="75s"):
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            self.port = listener.getsockname()[1]

            def command(directory):
                configuration = directory / "nginx.conf"
                configuration.write_text(
                    CONFIGURATION.format(
                        directory=directory, port=self.port, upstream=upstream, keepalive=keepalive
                    )
                )
                return [program("nginx"), "-e", "stderr", "-c", configuration]

            super().__init__(
                command,
                pass_fds=[listener.fileno()],
                env=os.environ | {"NGINX": f"{listener.fileno()};"},
            )
        children = pathlib.Path(f"/proc/{self.pid}/task/{self.pid}/children")
        self.pid = int(wait_until(children.read_text, "a worker"))


class NginxTest(TestCase):
    def setUp(self):
        self.upstream = Upstream()
        self.addCleanup(self.upstream.stop)
        self.start()

    def start(self, **settings):
        self.nginx = Nginx(self.upstream.port, **settings)
        self.addCleanup(self.nginx.stop)
        self.port = self.nginx.port

    def load(self):
        return Load(lambda: Browser(self.port), get_and_check)

    def abandon(self, count):
        """Requests whose clients give up while the upstream thinks; the inodes of their sockets, and what
        lets the upstream answer."""
        ports, held = set(), []
        for _ in range(count):
            with socket.create_connection(("127.0.0.1", self.port)) as client:
                ports.add(client.getsockname()[1])
                client.sendall(b"GET /hold HTTP/1.1\r\nHost: test\r\n\r\n")
                held.append(self.upstream.next_held())
        return stuck_ones(self.port, ports), held

    def sockets(self):
        return [link for link in self.nginx.links().values() if link.startswith("socket:")]

    def assert_no_complaint(self):
        lines = [line for line in self.nginx.log().splitlines()
                 if not re.search(r"\[(info|notice)\]", line)]
        self.assertEqual(lines, [])

    def round(self, count=3):
        inodes, held = self.abandon(count)
        cleared = clear(self.nginx.pid)
        reserved = self.assert_cleared(self.nginx, inodes, cleared)
        self.assertEqual(reserved, count)
        for inode in inodes:
            step = cleared[inode].step
            self.assertEqual(step["actions"], ["shutdown", "replace"], step)
            self.assertIn("is in an epoll set", step["reason"])
        for each in held:
            each.set()

    def test_abandoned_requests_over_and_over(self):
        threads = self.nginx.threads()
        with self.load() as load:
            for _ in range(ROUNDS):
                answered = load.answered
                self.round()
                self.assert_unharmed(self.nginx, threads)
                wait_until(lambda: load.errors or load.answered > answered, "an answer")
                self.assertEqual(load.errors, [])
        self.assertEqual(load.errors, [])
        # It closes each number when its upstream has answered: what is left is kept alive.
        wait_until(lambda: len(self.sockets()) <= 2 + 4 + 4, "the numbers are given back")
        self.assert_no_complaint()

    def test_a_stopped_worker(self):
        # By this timer it closes the number in the end: of the socket behind it epoll tells no more.
        self.start(keepalive="5s")
        browser = Browser(self.port)
        get_and_check(browser, "before")
        client_port = browser.connection.sock.getsockname()[1]
        os.kill(self.nginx.pid, signal.SIGSTOP)
        self.addCleanup(os.kill, self.nginx.pid, signal.SIGCONT)
        wait_until(self.nginx.held_back, "the stop")
        browser.hang_up()
        inodes = stuck_ones(self.port, {client_port})
        reserved = self.assert_cleared(self.nginx, inodes, clear(self.nginx.pid))
        self.assertEqual(reserved, 1)
        wait_until(self.nginx.held_back, "it is stopped as before")
        sockets = len(self.sockets())
        os.kill(self.nginx.pid, signal.SIGCONT)
        wait_until(lambda: len(self.sockets()) == sockets - 1, "it closes the number itself")
        browser = Browser(self.port)
        get_and_check(browser, "after")
        browser.hang_up()
        self.assert_no_complaint()


if __name__ == "__main__":
    unittest.main()
