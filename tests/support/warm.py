"""Processes of ``mailsuite`` that need not import it again: forked from a warm one.

Most of a start is the import of a thousand modules, and a run of the tests starts
hundreds of suites and commands. So the first start makes one process that has imported
all of them and waits; each further one is its fork, in a session, an environment and a
folder of its own, that runs ``mailsuite``'s entry and ends as any interpreter ends. No
reactor, thread or open file is there before the fork.

What a start itself is like, from the command line on, is tested without it:
``tests/house`` and ``make proof`` start every process anew.
"""

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType

from tests.support.patience import PATIENCE_SECONDS

ROOT = Path(__file__).parent.parent.parent
REACTOR = "twisted.internet.reactor"
REQUEST_OCTETS = 200_000


class Forked:
    """What :class:`subprocess.Popen` gives of a process: its id and its end."""

    def __init__(self, words, status):
        self.words = words
        self.returncode = None
        self._status = status
        self._octets = b""
        self.pid = int(self._line(PATIENCE_SECONDS))

    def _line(self, seconds):
        """Give the next line of what is told of it; None: not in time."""
        end = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._octets:
            left = None if end is None else max(0, end - time.monotonic())
            if not select.select([self._status], [], [], left)[0]:
                return None
            data = os.read(self._status, 100)
            if not data:
                raise AssertionError("the warm process is gone")
            self._octets += data
        line, _, self._octets = self._octets.partition(b"\n")
        return line

    def wait(self, timeout=None):
        """Wait for its end; gives the exit status, negative for a signal."""
        if self.returncode is None:
            line = self._line(timeout)
            if line is None:
                raise subprocess.TimeoutExpired(self.words, timeout)
            self.returncode = int(line)
            os.close(self._status)
        return self.returncode

    def poll(self):
        """Give the exit status, None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode


class Warm:
    """The warm process as its user sees it; started when it is first needed."""

    def __init__(self):
        self._process = None
        self._socket = None

    def start(self, words, environ, stdout, stderr, folder=None):
        """Run ``mailsuite`` with such words; gives a :class:`Forked`."""
        if self._process is None or self._process.poll() is not None:
            self._begin()
        ours, theirs = os.pipe()
        request = json.dumps(
            {"words": words, "environ": environ, "folder": str(folder or os.getcwd())}
        )
        try:
            socket.send_fds(
                self._socket,
                [request.encode()],
                [stdout.fileno(), stderr.fileno(), theirs],
            )
        finally:
            os.close(theirs)
        return Forked(words, ours)

    def _begin(self):
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __name__, str(theirs.fileno())],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=os.environ | {"PYTHONDONTWRITEBYTECODE": ""},
            )
        atexit.register(self._end, self._process, self._socket)

    @staticmethod
    def _end(process, sock):
        sock.close()
        process.wait()

    def run(self, words, environ, folder=None):
        """Run it to its end; gives exit status, output and errors."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = self.start(words, environ, out, err, folder)
            status = process.wait(PATIENCE_SECONDS)
            return status, whole(out), whole(err)


def whole(file):
    """Give all that was written into a file, as text."""
    file.seek(0)
    return file.read().decode()


WARM = Warm()


def serve(sock):
    """Fork for each request; returns in each fork, and at the end of requests.

    The tests are over then, or were killed: what still runs of theirs ends too.
    """
    awake, wake = os.pipe2(os.O_NONBLOCK)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    running = {}
    while True:
        ready = select.select([sock, awake], [], [])[0]
        if awake in ready:
            os.read(awake, 4096)
            reap(running)
        if sock in ready:
            octets, descriptors, _, _ = socket.recv_fds(sock, REQUEST_OCTETS, 3)
            if not octets:
                for pid in running:
                    with suppress(ProcessLookupError):
                        os.killpg(pid, signal.SIGKILL)
                return None
            *std, status = descriptors
            pid = os.fork()
            if pid == 0:
                become(std, json.loads(octets))
                return True
            running[pid] = status
            os.write(status, b"%d\n" % pid)
            for descriptor in std:
                os.close(descriptor)


def reap(running):
    """Tell of every fork that ended."""
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            told = running.pop(pid)
            with suppress(BrokenPipeError):
                os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
            os.close(told)


def become(std, request):
    """Be a process of one's own: session, descriptors, environment, words."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, descriptor in enumerate(std, 1):
        os.dup2(descriptor, number)
    os.closerange(3, 1024)
    os.environ.clear()
    os.environ.update(request["environ"])
    time.tzset()
    os.chdir(request["folder"])
    sys.argv = ["-c", *request["words"]]


def imported():
    """Import all verbs, but no reactor (klein would): each fork makes its own."""
    sys.modules[REACTOR] = ModuleType(REACTOR)
    from mailsuite.cli.main import VERBS, main

    for place in VERBS.values():
        import_module(f"mailsuite.cli.{place.partition(':')[0]}")
    del sys.modules[REACTOR]
    gc.collect()
    gc.freeze()  # no fork looks through it, which would copy it
    return main


def main():
    """Import what any verb needs, then serve; a fork runs the verb."""
    main = imported()
    with socket.socket(fileno=int(sys.argv[1])) as sock:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        forked = serve(sock)
        if forked:
            sock.detach()
    if forked:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        ended(main)


def ended(call):
    """Call it, and end as an interpreter does, but for the objects that it frees.

    A fork would copy all that was imported only to take it apart.
    """
    status = 1
    try:
        call()
        status = 0
    except SystemExit as error:
        status = error.code or 0
        if not isinstance(status, int):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        traceback.print_exc()
    threading._shutdown()
    atexit._run_exitfuncs()
    for file in (sys.stdout, sys.stderr):
        with suppress(BrokenPipeError):
            file.flush()
    os._exit(status & 0xFF)


if __name__ == "__main__":
    main()
