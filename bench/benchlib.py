"""What the bench scripts share: targets, JSON lines, sockets, memory.

A target is one string of key=value words, or @FILE with such words (one or
more a line, # comments):

  name=dovecot host=127.0.0.1 imap=10143 pop3=10110 lmtp=10024 smtp=10025
  domain=example.test users=20 password=secret
  ready=PATH                   ready.json of mailsuite: ports, accounts, pid
  user=NAME                    one account for everything, instead of userN@domain
  pid=1234 | pidfile=PATH      main process, for memory (its children count)
  maildir=DIR/mail/{domain}/{user}/Maildir   to count deliveries in files;
                               without it they are counted over IMAP (STATUS)

Only the ports that a script uses are needed. Every figure is one JSON object
a line on stdout: target, metric, value, unit, better (higher|lower), extra.
"""

import glob
import json
import os
import random
import re
import socket
import statistics
import sys
import time

DEFAULTS = {
    "name": "target",
    "host": "127.0.0.1",
    "domain": "example.test",
    "users": "20",
    "password": "secret",
}
MB = 1_000_000


class Target(dict):
    def __init__(self, spec):
        super().__init__(DEFAULTS)
        if spec.startswith("@"):
            with open(spec[1:]) as f:
                spec = " ".join(line.split("#")[0] for line in f)
        for word in spec.split():
            key, sep, value = word.partition("=")
            if not sep:
                raise SystemExit(f"target: {word!r} is not key=value")
            self[key] = value
        self.passwords = {}
        if "ready" in self:
            self.take(self["ready"])

    def take(self, path):
        """Fill in what ready.json tells; its words stand above others."""
        with open(path) as f:
            ready = json.load(f)
        names = ("host", "smtp", "submission", "imap", "pop3", "lmtp", "maildir", "pid")
        self.update({n: str(ready[n]) for n in names if n in ready})
        self.passwords = {a["address"]: a["password"] for a in ready["accounts"]}
        self["users"] = str(len(self.passwords))
        self["domain"] = ready["accounts"][0]["address"].partition("@")[2]

    def password(self, user):
        return self.passwords.get(user, self["password"])

    def port(self, name):
        if name not in self:
            raise SystemExit(f"target {self['name']}: no {name}= port")
        return self["host"], int(self[name])

    def user(self, n=1):
        if "user" in self:
            return self["user"]
        return f"user{(n - 1) % int(self['users']) + 1}@{self['domain']}"

    def pid(self):
        if "pid" in self:
            return int(self["pid"])
        if "pidfile" in self:
            with open(self["pidfile"]) as f:
                return int(f.read().split()[0])
        return None

    def emit(self, metric, value, unit, better="higher", **extra):
        digits = 4 if abs(value) < 10 else 1
        print(
            json.dumps(
                {
                    "target": self["name"],
                    "metric": metric,
                    "value": round(value, digits),
                    "unit": unit,
                    "better": better,
                    **extra,
                }
            ),
            flush=True,
        )


def timed(fn, *args):
    t = time.perf_counter()
    result = fn(*args)
    return time.perf_counter() - t, result


def spread(values):
    values = sorted(values)
    return {
        "runs": len(values),
        "min": round(values[0], 4),
        "max": round(values[-1], 4),
    }


def median(values):
    return statistics.median(values)


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))]


def process_tree(pid):
    """pid and every process below it."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        try:
            with open(stat) as f:
                text = f.read()
        except OSError:
            continue
        ppid = int(text.rpartition(")")[2].split()[1])
        children.setdefault(ppid, []).append(int(stat.split("/")[2]))
    found, todo = [], [pid]
    while todo:
        p = todo.pop()
        found.append(p)
        todo += children.get(p, [])
    return found


def memory(pid):
    """(processes, RSS, PSS) of the tree, in KiB. PSS shares out shared pages."""
    count = rss = pss = 0
    for p in process_tree(pid):
        try:
            with open(f"/proc/{p}/smaps_rollup") as f:
                text = f.read()
        except OSError:
            continue
        count += 1
        rss += int(re.search(r"^Rss:\s+(\d+)", text, re.M).group(1))
        pss += int(re.search(r"^Pss:\s+(\d+)", text, re.M).group(1))
    return count, rss, pss


def cpu_seconds(pid):
    """User+system CPU of the tree so far, dead and reaped children included."""
    ticks = 0
    for p in process_tree(pid):
        try:
            with open(f"/proc/{p}/stat") as f:
                fields = f.read().rpartition(")")[2].split()
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Line:
    """A blocking, buffered line client."""

    def __init__(self, address, timeout=300):
        self.sock = socket.create_connection(address, timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buf = b""

    def line(self):
        while b"\n" not in self.buf:
            data = self.sock.recv(65536)
            if not data:
                raise ConnectionError("closed by server; last: %r" % self.buf[-200:])
            self.buf += data
        line, self.buf = self.buf.split(b"\n", 1)
        return line.rstrip(b"\r")

    def send(self, data):
        self.sock.sendall(data)

    def close(self):
        self.sock.close()


class Imap(Line):
    """A raw IMAP client that parses next to nothing, so that it is fast: a
    reply is complete at the line that starts with our (random) tag."""

    def __init__(self, target, user=None, login=True, timeout=300):
        super().__init__(target.port("imap"), timeout)
        self.prefix = b"x%08x" % random.getrandbits(32)
        self.count = 0
        greeting = self.line()
        if not greeting.startswith(b"* "):
            raise ConnectionError(greeting)
        self.caps = set()
        if login:
            user = user or target.user()
            self.ok(b'LOGIN %s "%s"' % (user.encode(), target.password(user).encode()))
            self.caps = set(
                self.ok(b"CAPABILITY").split(b"\r\n")[0].upper().split()[2:]
            )

    def tag(self):
        self.count += 1
        return self.prefix + b"%x" % self.count

    def read_until(self, tag, keep=True):
        """-> (bytes read, data if keep else b'', status line)."""
        needle = tag + b" "
        chunks, total, tail = [], 0, b""
        data = self.buf
        self.buf = b""
        while True:
            if data:
                total += len(data)
                if keep:
                    chunks.append(data)
                look = tail + data
                at = (
                    0
                    if look.startswith(needle) and total == len(look)
                    else look.find(b"\n" + needle)
                )
                if at >= 0:
                    end = look.find(b"\r\n", at + 1)
                    if end >= 0:
                        self.buf = look[end + 2 :]
                        status = look[at:end].lstrip(b"\n")[len(needle) :]
                        return total - len(self.buf), b"".join(chunks), status
                tail = look[-2048:] if len(look) > 2048 else look
            data = self.sock.recv(1 << 20)
            if not data:
                raise ConnectionError("closed by server")

    def command(self, text, keep=True):
        tag = self.tag()
        self.send(tag + b" " + text + b"\r\n")
        return self.read_until(tag, keep)

    def ok(self, text, keep=True):
        """Run; the reply's data (or its size when not keep); fail unless OK."""
        size, data, status = self.command(text, keep)
        if not status.upper().startswith(b"OK"):
            raise RuntimeError("%r -> %r" % (text[:80], status[:200]))
        return data if keep else size

    def append(self, mailbox, raw, flags=(), date=None):
        """APPEND without waiting for the reply when literals may be sent at
        once; returns the tag to read_until()."""
        tag = self.tag()
        nonsync = (
            b"LITERAL+" in self.caps or b"LITERAL-" in self.caps and len(raw) <= 4096
        )
        when = (
            b' "%s"'
            % time.strftime("%d-%b-%Y %H:%M:%S +0000", time.gmtime(date)).encode()
            if date
            else b""
        )
        head = b"%s APPEND %s (%s)%s {%d%s}\r\n" % (
            tag,
            mailbox,
            " ".join(flags).encode(),
            when,
            len(raw),
            b"+" if nonsync else b"",
        )
        if nonsync:
            self.send(head + raw + b"\r\n")
        else:
            self.send(head)
            line = self.line()
            while not line.startswith(b"+"):
                if line.startswith(tag):
                    raise RuntimeError(line)
                line = self.line()
            self.send(raw + b"\r\n")
        return tag

    def append_ok(self, *args, **kw):
        status = self.read_until(self.append(*args, **kw), False)[2]
        if not status.startswith(b"OK"):
            raise RuntimeError(status)


def message_count(target, user, mailbox="INBOX"):
    """Messages in a mailbox: counted as files if the target has maildir=."""
    if "maildir" in target:
        root = target["maildir"].format(
            domain=target["domain"], user=user.split("@")[0]
        )
        return sum(
            len(os.listdir(d))
            for d in (root + "/new", root + "/cur")
            if os.path.isdir(d)
        )
    c = Imap(target, user)
    data = c.ok(b"STATUS %s (MESSAGES)" % mailbox.encode())
    c.close()
    return int(re.search(rb"MESSAGES (\d+)", data).group(1))


def empty_mailbox(target, user, mailbox="INBOX"):
    c = Imap(target, user)
    data = c.ok(b"SELECT %s" % mailbox.encode())
    if not re.search(rb"\* 0 EXISTS", data):
        c.ok(b"STORE 1:* +FLAGS.SILENT (\\Deleted)", False)
        c.ok(b"EXPUNGE", False)
    c.close()


def wait_delivered(target, before, expected, users, timeout=600):
    """Wait until the users' INBOXes hold `expected` more; -> monotonic end."""
    end = time.monotonic() + timeout
    while True:
        got = sum(message_count(target, u) for u in users) - before
        now = time.monotonic()
        if got >= expected:
            return now, got
        if now > end:
            return None, got
        time.sleep(0.02 if "maildir" in target else 0.1)
