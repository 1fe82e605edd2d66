# SPDX-License-Identifier: MIT
"""The service of README.md with a pool of threads, one of which forgets to close."""

import collections
import concurrent.futures
import json
import socket
import sys
import threading

lock = threading.Lock()
kept = []
seen = collections.Counter()


def tell(call, do):
    try:
        what = do()
        seen[f"{call}: {what if isinstance(what, bytes) else 'done'}"] += 1
    except OSError as error:
        seen[f"{call}: {type(error).__name__}"] += 1


def touch():
    while kept:
        connection = kept.pop()
        tell("recv", lambda: connection.recv(1))
        tell("sendall", lambda: connection.sendall(b"late\n"))
        tell("close", connection.close)


def answer(connection, line):
    """Returns whether the connection is to be read on."""
    verb, _, rest = line.partition(b" ")
    with lock:
        if verb == b"echo":
            connection.sendall(rest)
        elif verb in (b"leak\n", b"stall\n"):
            kept.append(connection)
            connection.sendall(b"kept\n")
            return verb == b"leak\n"
        else:
            if verb == b"touch\n":
                touch()
            connection.sendall(json.dumps(seen).encode() + b"\n")
    return True


def serve(connection):
    try:
        with connection.makefile("rb") as lines:
            for line in lines:
                if not answer(connection, line):
                    return
        with lock:
            if connection in kept:
                seen["recv: b''"] += 1
                return
        connection.close()
    except OSError as error:
        print("not on a kept socket:", repr(error), file=sys.stderr, flush=True)


def main():
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        while True:
            pool.submit(serve, listener.accept()[0])


main()
