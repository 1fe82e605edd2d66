# SPDX-License-Identifier: MIT
"""Where the tests of the examples run."""

import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cli"))

from support import SOURCE, UNWAIT  # noqa: E402

# That of Debian: another user may not be able to run the one that runs the tests.
PYTHON = "/usr/bin/python3"
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def own_network():
    """From here on this process and its children have a network with nothing but loopback: what is
    cleared there belongs to the test."""
    if LIBC.unshare(CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    with socket.socket() as any_socket:
        request = bytearray(40)
        request[:2] = b"lo"
        request[16] = 1  # IFF_UP
        fcntl.ioctl(any_socket, 0x8914, bytes(request))  # SIOCSIFFLAGS


def program(name):
    """Where a program of others is: tests/run.sh gets those that would start a service."""
    places = [str(SOURCE / "build-tests/bin"), os.environ["PATH"], "/usr/sbin",
              "/usr/lib/nagios/plugins"]
    found = shutil.which(name, path=os.pathsep.join(places))
    assert found, f"there is no {name}: tests/run.sh gets it"
    return found


def open_directory(test):
    """A directory that every user can look into, for a test or for all of a class."""
    directory = tempfile.mkdtemp()
    add_cleanup = test.addClassCleanup if isinstance(test, type) else test.addCleanup
    add_cleanup(shutil.rmtree, directory)
    os.chmod(directory, 0o755)
    return pathlib.Path(directory)


def open_copy(test):
    """The program where every user can run it."""
    return shutil.copy(UNWAIT, open_directory(test) / "unwait")

