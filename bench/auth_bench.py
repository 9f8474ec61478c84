#!/usr/bin/env python3
"""What judging who sent a message costs, as JSON lines.

usage: auth_bench.py [FOLDER] [--count 3000] [--sessions 150] [--delay 0.05]
                     [--only cpu|large|rate]

cpu    microseconds of CPU for SPF, DKIM (RSA-2048) and DMARC of a 10 KB message,
       in this process, DNS warm; with the fields, marks and the explanation
large  milliseconds from the last octet of a signed 5 MB message to its verdict,
       and the longest turn of the reactor while it came in, in blocks of 64 KB
rate   messages a second over SMTP into `mailsuite demo` in FOLDER, while every
       answer of DNS takes DELAY seconds; TTL 0 (each message asks anew) and 60
"""

import argparse
import asyncio
import heapq
import multiprocessing
import os
import socket
import struct
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

from benchlib import Target, cpu_seconds, median  # noqa: E402
from servers import Suite  # noqa: E402

from tests.support import authentication  # noqa: E402

HELO, IP = "mail.good.test", "192.0.2.7"
BLOCK = 65_536
TXT, PTR, A = 16, 12, 1


def content(octets):
    """A signed message of about that size."""
    lines = b"".join(
        b"%06d some words of a plain line of text\r\n" % n for n in range(octets // 46)
    )
    return authentication.signed(authentication.message(body=lines))


# --- in this process


def examiner():
    from twisted.internet import reactor

    from mailsuite.dns.memory import Table
    from mailsuite.events.memory import Events
    from mailsuite.policy.authentication.ground import Ground
    from mailsuite.policy.authentication.settings import Authentication as Settings
    from mailsuite.policy.stages.authentication import Authentication

    class Warm(Table):
        def _check(self, name):
            return name

    found = authentication.texts()
    table = Warm(
        hosts={HELO: [IP]},
        text={name: [one.encode() for one in rows] for name, rows in found.items()},
        pointers={IP: [HELO]},
    )
    ground = Ground(reactor, time.time, table, Events(), "mx.example.test")
    return Authentication(ground, Settings(replays=0), {}), ground


def seen(stage, number):
    """A view, as reception makes it."""
    from mailsuite.model.address import Address
    from mailsuite.model.principals import Peer
    from mailsuite.policy.view import View

    view = View(Peer(IP, 1, "S"), "smtp", greeting=HELO)
    view.sender = Address(f"bounce{number}", "good.test")
    view.recipient = Address("u", "example.test")
    view.watches = {stage: stage.watch(view)}
    return view


async def judged(stage, view, header):
    from mailsuite.model.verdicts import Phase

    view.header = header
    return await stage.judge(Phase.MESSAGE, view)


def cpu(target, count=1_000):
    from twisted.internet.defer import Deferred

    stage, ground = examiner()
    octets = content(10_000)
    head = octets.index(b"\r\n\r\n") + 2

    def one(number):
        view = seen(stage, number)
        (watch,) = view.watches.values()
        watch.header(octets[:head])
        watch.body(octets[head + 2 :])
        told = []
        _ = Deferred.fromCoroutine(judged(stage, view, octets[:head])).addBoth(
            told.append
        )
        assert told[0].marks["dmarc"] == "pass", told

    one(0)
    runs = []
    for _ in range(5):
        began = time.process_time()
        for number in range(count // 5):
            one(number)
        runs.append((time.process_time() - began) / (count // 5) * 1e6)
    target.emit("auth.cpu_10kb", median(runs), "us", "lower", goal=2_000)


def large(target):
    from twisted.internet import reactor
    from twisted.internet.defer import Deferred
    from twisted.internet.task import deferLater

    stage, ground = examiner()
    octets = content(5_000_000)
    head = octets.index(b"\r\n\r\n") + 2

    async def run():
        await deferLater(reactor, 0)
        for _ in range(3):
            view = seen(stage, 0)
            (watch,) = view.watches.values()
            worst = 0.0
            began, spent = time.perf_counter(), time.process_time()
            watch.header(octets[:head])
            for at in range(head + 2, len(octets), BLOCK):
                turn = time.thread_time()
                watch.body(octets[at : at + BLOCK])
                worst = max(worst, time.thread_time() - turn)
                await deferLater(reactor, 0)
            came = time.perf_counter()
            told = await judged(stage, view, octets[:head])
            assert told.marks["dmarc"] == "pass", told
            ended, cost = time.perf_counter(), time.process_time() - spent
        target.emit("auth.large_verdict", (ended - came) * 1e3, "ms", "lower", goal=40)
        target.emit("auth.large_whole", (ended - began) * 1e3, "ms", "lower")
        target.emit("auth.large_cpu", cost * 1e3, "ms", "lower", goal=40)
        target.emit("auth.large_turn", worst * 1e3, "ms", "lower", goal=50)

    def ended(result):
        print(result) if result is not None else None
        ground.lanes.stop()
        reactor.stop()

    reactor.callWhenRunning(lambda: Deferred.fromCoroutine(run()).addBoth(ended))
    reactor.run()


# --- a name server that is fast and late


def answered(query, zone, ttl):
    at, labels = 12, []
    while query[at]:
        labels.append(query[at + 1 : at + 1 + query[at]].decode().lower())
        at += 1 + query[at]
    kind = struct.unpack_from(">H", query, at + 1)[0]
    question = query[12 : at + 5]
    datas = zone(".".join(labels), kind)
    code = 3 if datas is None else 0
    rows = b"".join(
        b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, ttl, len(data)) + data
        for data in datas or ()
    )
    head = struct.pack(">HHHHH", 0x8180 | code, 1, len(datas or ()), 0, 0)
    return query[:2] + head + question + rows


def text(value):
    octets = value.encode()
    return b"".join(
        bytes([len(octets[n : n + 255])]) + octets[n : n + 255]
        for n in range(0, len(octets), 255)
    )


def name(value):
    return (
        b"".join(bytes([len(one)]) + one.encode() for one in value.split(".")) + b"\0"
    )


def serve(port, delay, ttl):
    """Answer for ever: what good.test has, every domain below it has too."""
    found = authentication.texts()

    def zone(asked, kind):
        for top in ("_dmarc", "s1._domainkey", ""):
            if asked.startswith(f"{top}.") if top else asked.endswith("good.test"):
                key = f"{top}.good.test".strip(".")
                return [text(one) for one in found[key]] if kind == TXT else ()
        if asked.endswith("in-addr.arpa"):
            return [name(HELO)] if kind == PTR else ()
        return None

    def with_host(asked, kind):
        if asked == HELO:
            return [socket.inet_aton("127.0.0.1")] if kind == A else ()
        return zone(asked, kind)

    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    sock.bind(("127.0.0.1", port))
    waiting, order = [], 0
    while True:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        sock.settimeout(rest if rest is None or rest > 0 else 0.0)
        try:
            query, peer = sock.recvfrom(4_096)
            order += 1
            due = time.monotonic() + delay
            heapq.heappush(waiting, (due, order, answered(query, with_host, ttl), peer))
        except (TimeoutError, BlockingIOError):
            pass
        now = time.monotonic()
        while waiting and waiting[0][0] <= now:
            _, _, octets, peer = heapq.heappop(waiting)
            sock.sendto(octets, peer)


# --- over SMTP


async def session(address, numbers, octets, user):
    reader, writer = await asyncio.open_connection(*address)

    async def reply(want):
        while (line := await reader.readline())[3:4] == b"-":
            pass
        assert line.startswith(want), line

    await reply(b"220")
    writer.write(f"EHLO {HELO}\r\n".encode())
    await reply(b"250")
    for number in numbers:
        writer.write(
            b"MAIL FROM:<b%d@d%d.good.test>\r\nRCPT TO:<%s>\r\nDATA\r\n"
            % (number, number, user(number).encode())
        )
        for want in (b"250", b"250", b"354"):
            await reply(want)
        writer.write(octets + b".\r\n")
        await reply(b"250")
    writer.close()


async def load(target, octets, count, sessions):
    numbers = iter(range(count))
    began = time.monotonic()
    await asyncio.gather(
        *(
            session(target.port("smtp"), numbers, octets, target.user)
            for _ in range(sessions)
        )
    )
    return time.monotonic() - began


def own_cpu(pid):
    """CPU of the suite's process without the word index's."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def rate(args, ttl, metric, *, enabled=True):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    octets = content(4_000)  # before the fork, which must know its key
    names = multiprocessing.Process(
        target=serve, args=(port, args.delay, ttl), daemon=True
    )
    names.start()
    folder = os.path.join(args.folder, metric)
    settings = {
        "MAILSUITE_AUTHENTICATION_ENABLED": str(enabled).lower(),
        "MAILSUITE_AUTHENTICATION_REPLAYS": "0",
        "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{port}",
    }
    suite = Suite(folder, settings=settings)
    try:
        suite.start()
        target = Target(f"name=mailsuite ready={suite.ready}")
        asyncio.run(load(target, octets, 200, args.sessions))
        cpu_before, own_before = cpu_seconds(target.pid()), own_cpu(target.pid())
        took = asyncio.run(load(target, octets, args.count, args.sessions))
        used = cpu_seconds(target.pid()) - cpu_before
        own = own_cpu(target.pid()) - own_before
    finally:
        suite.stop()
        names.terminate()
    target.emit(f"auth.rate_{metric}", args.count / took, "msg/s", goal=500)
    target.emit(f"auth.rate_{metric}_cpu", own / args.count * 1e6, "us", "lower")
    target.emit(f"auth.rate_{metric}_all_cpu", used / args.count * 1e6, "us", "lower")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", nargs="?", default="")
    parser.add_argument("--count", type=int, default=3_000)
    parser.add_argument("--sessions", type=int, default=150)
    parser.add_argument("--delay", type=float, default=0.05)
    parser.add_argument("--only", choices=("cpu", "large", "rate"))
    args = parser.parse_args()
    args.folder = args.folder or tempfile.mkdtemp(prefix="auth-bench-")
    target = Target("name=mailsuite")
    if args.only in {None, "rate"}:
        rate(args, 0, "cold")
        rate(args, 60, "warm")
        rate(args, 60, "off", enabled=False)
    if args.only in {None, "cpu"}:
        cpu(target)
    if args.only in {None, "large"}:
        large(target)


if __name__ == "__main__":
    main()
