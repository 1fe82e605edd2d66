# SPDX-License-Identifier: MIT
"""An HTTP/1.1 client for the load, and an upstream server that answers when it is told to."""

import http.client
import http.server
import queue
import threading
import urllib.parse

from support import DEADLINE


class Browser:
    """One connection that is kept alive."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=DEADLINE)

    def get(self, path):
        self.connection.request("GET", path)
        response = self.connection.getresponse()
        return response.status, response.read().decode()

    def hang_up(self):
        self.connection.close()


def get_and_check(browser, text):
    answer = browser.get("/echo?" + urllib.parse.quote(text))
    if answer != (200, text):
        raise AssertionError(f"asked for {text!r}, got {answer!r}")


class Upstream(http.server.ThreadingHTTPServer):
    """/echo?TEXT answers at once, /hold when it is released."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Answer)
        self.port = self.server_address[1]
        self.held = queue.SimpleQueue()
        self.thread = threading.Thread(target=self.serve_forever)
        self.thread.start()

    def next_held(self):
        """Waits for a request that is held; set() of what is returned lets it be answered."""
        return self.held.get(timeout=DEADLINE)

    def stop(self):
        self.shutdown()
        self.thread.join()
        self.server_close()


class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self):
        text = urllib.parse.unquote(self.path.partition("?")[2])
        if self.path == "/hold":
            released = threading.Event()
            self.server.held.put(released)
            released.wait(DEADLINE)
            text = "late"
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass
