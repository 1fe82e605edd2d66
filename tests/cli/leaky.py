# SPDX-License-Identifier: MIT
"""A server that forgets to close: python3 leaky.py JSON-OPTIONS

It connects to itself, closes the client ends, and, once each accepted socket is in CLOSE_WAIT,
prints one line of JSON: pid, port and the sockets. Then it answers one question per line:
  open     which of the fds still are those sockets
  hangup   waits until the first socket is shut down in both directions, from wherever
  forget   closes the first socket itself
  fill     opens files until there are no more fds
  dup      opens the first socket a second time, and tells the number
  move     gives the first socket another number, and tells it
  fork     starts a child that holds the sockets too, and tells its pid
  shutdown ends the connection of the first socket and keeps its fd
  thread   starts a thread that reads for ever from a pipe, and tells its id and the fd
  term     waits for SIGTERM, which it must have been started to block
It ends when its standard input does, and with its parent.
"""

import ctypes
import errno
import json
import os
import select
import signal
import socket
import sys
import threading

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4


def name_process(name):
    with open("/proc/self/comm", "wb") as comm:
        comm.write(name)


def become(user):
    """Like a service that was started as that user: /proc/PID belongs to it."""
    libc = ctypes.CDLL(None)
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
    libc.prctl(PR_SET_DUMPABLE, 1)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def leak(family, count, unread):
    listener = socket.socket(family)
    listener.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
    listener.listen(count)
    accepted = []
    for _ in range(count):
        client = socket.create_connection(listener.getsockname()[:2])
        connection, _ = listener.accept()
        client.sendall(b"x" * unread)
        client.close()
        poller = select.poll()
        poller.register(connection, select.POLLRDHUP)
        poller.poll()
        if not unread:
            assert connection.recv(1) == b""
        accepted.append(connection)
    return listener, accepted


def describe(connection):
    return {
        "fd": connection.fileno(),
        "inode": os.fstat(connection.fileno()).st_ino,
        "peer_port": connection.getpeername()[1],
    }


def still_open(told):
    fds = []
    for each in told:
        try:
            if os.fstat(each["fd"]).st_ino == each["inode"]:
                fds.append(each["fd"])
        except OSError:
            pass
    return fds


def wait_for_hangup(connection):
    poller = select.poll()
    poller.register(connection, 0)
    poller.poll()


def fill():
    try:
        while True:
            os.open("/dev/null", os.O_RDONLY)
    except OSError as error:
        assert error.errno == errno.EMFILE


def fork():
    """It ends with us."""
    ours, theirs = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(theirs)
        os.read(ours, 1)
        os._exit(0)
    os.close(ours)
    os.set_inheritable(theirs, True)
    return child


def main():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    options = json.loads(sys.argv[1])
    name_process(bytes.fromhex(options["name"]))
    family = socket.AF_INET6 if options["ipv6"] else socket.AF_INET
    listener, accepted = leak(family, options["count"], options["unread"])
    told = [describe(connection) for connection in accepted]
    if options["user"] is not None:  # last: what Python loads may be nothing for that user
        become(options["user"])
    ready = {"pid": os.getpid(), "port": listener.getsockname()[1], "sockets": told}
    print(json.dumps(ready), flush=True)
    for question in sys.stdin:
        answer = None
        if question == "open\n":
            answer = still_open(told)
        elif question == "hangup\n":
            wait_for_hangup(accepted[0])
        elif question == "forget\n":
            accepted[0].close()
        elif question == "fill\n":
            fill()
        elif question in ("dup\n", "move\n"):
            answer = os.dup(accepted[0].fileno())
            if question == "move\n":
                accepted[0].close()
        elif question == "fork\n":
            answer = fork()
        elif question == "shutdown\n":
            accepted[0].shutdown(socket.SHUT_RDWR)
        elif question == "thread\n":
            pipe, kept = os.pipe()
            thread = threading.Thread(target=os.read, args=(pipe, 1), daemon=True)
            thread.start()
            answer = thread.native_id, pipe
        elif question == "term\n":
            signal.sigwait([signal.SIGTERM])
        print(json.dumps(answer), flush=True)


main()
