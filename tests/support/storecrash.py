"""Runs a store, ends it at the N-th step on disk, and looks at what is left.

``python -m tests.support.storecrash FOLDER FIRST STEP COUNT`` forks one child for each
N that works until its N-th call of a function that changes files, and another that
opens what is left. Prints one JSON object for each N: ``{"n", "acked", "ended",
"wrong"}``; stops after the first N that was not reached.
"""

import json
import os
import pickle
import shutil
import sys

STEPS = (
    "open",
    "rename",
    "link",
    "unlink",
    "mkdir",
    "write",
    "writev",
    "fsync",
    "fdatasync",
)


def body(number):
    return (
        b"Subject: %d\r\nMessage-ID: <%d@x>\r\n\r\n" % (number, number)
        + b"text\r\n" * number
    )


class Journal:
    """A file of pickled records, as durable against a kill as a real one."""

    def __init__(self, path, write=os.write, opened=os.open):
        self.path, self.write, self.records = path, write, []
        if os.path.exists(path):
            with open(path, "rb") as file:
                while True:
                    try:
                        self.records.append(pickle.load(file))
                    except (EOFError, pickle.UnpicklingError):
                        break
        self.file = opened(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def commit_for(self, records, hearer):
        hearer.begun()
        hearer.told(self._commit(records))

    async def commit(self, records):
        return self._commit(records)

    def _commit(self, records):
        from mailsuite.interfaces.journal import Position

        positions = []
        for record in records:
            positions.append(Position(0, 1, 8 * len(self.records)))
            self.records.append(record)
            self.write(self.file, pickle.dumps(record))
        return positions

    def note(self, record):
        self.records.append(record)
        self.write(self.file, pickle.dumps(record))

    def epoch(self):
        return 1


# What is in each folder after each operation; an operation is all or nothing.
def states():
    boxes = {"INBOX": [], "Archive": [], "Trash": []}
    yield boxes
    for change in (
        {"INBOX": [1, 2]},
        {"INBOX": [1, 2, 3]},
        {"INBOX": [1, 2, 3], "Archive": [1, 2]},
        {"INBOX": [1], "Trash": [2, 3]},
        {"INBOX": [1]},
        {"INBOX": []},
        {"work": [], "work/a": []},
        {"work/a": [4]},
        {"work": None, "work/a": None, "Done": [], "Done/a": [4]},
        {"Done/a": None},
        {"INBOX": [5]},
    ):
        boxes = {k: v for k, v in (boxes | change).items() if v is not None}
        yield boxes


async def operations(account, ack):
    from mailsuite.model.changes import Draft
    from mailsuite.model.envelope import Blob

    def draft(n, *flags):
        return Draft(Blob(f"k{n}", len(body(n)), body(n)), frozenset(flags))

    inbox = await account.mailbox("INBOX")
    done = await account.append("INBOX", [draft(1, "\\Seen"), draft(2)])
    ack(done.uids)
    first = done.uids
    await delivered(account, 3)
    ack(())
    uids = list((await inbox.snapshot()).uid)
    await account.transfer(inbox.id, first, "Archive", move=False)
    ack(())
    await account.transfer(inbox.id, uids[1:], "Trash", move=True)
    ack(())
    await inbox.store(first[:1], frozenset(["\\Flagged", "mine"]), frozenset())
    ack(())
    await inbox.expunge(first)
    ack(())
    await account.create("work/a")
    ack(())
    await account.append("work/a", [draft(4)])
    ack(())
    await account.rename("work", "Done")
    ack(())
    await account.remove("Done/a")
    ack(())
    await delivered(account, 5)
    ack(())


async def delivered(account, number):
    from mailsuite.interfaces.journal import Position, queue_id
    from mailsuite.model.changes import Draft
    from mailsuite.model.envelope import Blob, Once

    octets = body(number)
    blob = Blob(f"k{number}", len(octets), octets)
    once = Once(queue_id(Position(0, 1, 8 * number)), 0)
    await account.append("INBOX", [Draft(blob)], once)


DELIVERIES = {1: 3, 10: 5}  # acknowledged before, number of the message


def run(work):
    from twisted.internet import epollreactor

    epollreactor.install()
    from twisted.internet import defer, reactor

    result = []

    async def go():
        try:
            result.append(await work(reactor))
        finally:
            reactor.callLater(0, reactor.stop)

    def begin():
        defer.Deferred.fromCoroutine(go()).addErrback(
            lambda failure: result.append(failure.getTraceback())
        )

    reactor.callWhenRunning(begin)
    reactor.run()
    return result[0]


def house(reactor, folder, journal):
    from tests.support.store import House

    return House(reactor, os.path.join(folder, "data"), journal=journal)


def victim(folder, limit):
    """Work until the ``limit``-th step; gives nothing back."""
    real = {name: getattr(os, name) for name in STEPS}
    acks = real["open"](
        os.path.join(folder, "acks"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
    )
    journal = Journal(os.path.join(folder, "journal"), real["write"], real["open"])
    left = [limit]

    def counted(name):
        def call(*args, **kwargs):
            if name != "open" or args[1] & os.O_CREAT:
                left[0] -= 1
                if left[0] < 0:
                    os._exit(9)
            return real[name](*args, **kwargs)

        return call

    async def work(reactor):
        accounts = await house(reactor, folder, journal).start()
        count_commits(left)
        for name in STEPS:
            setattr(os, name, counted(name))
        account = await accounts.open("alice@example.test")
        await operations(
            account,
            lambda uids: real["write"](acks, json.dumps(list(uids)).encode() + b"\n"),
        )
        os._exit(0)

    print(run(work), file=sys.stderr)
    os._exit(7)


def count_commits(left):
    """Count renames by system call, and a step on both sides of a commit."""
    from contextlib import contextmanager

    from mailsuite.store import maildir
    from mailsuite.store.facts import Facts
    from mailsuite.store.index import Index

    def step():
        left[0] -= 1
        if left[0] < 0:
            os._exit(9)

    rename, change, facts = maildir.rename, Index.change, Facts.change

    def renamed(old, new):
        step()
        rename(old, new)

    @contextmanager
    def changed(self, *, single=False):
        step()
        with change(self, single=single) as modseq:
            yield modseq
        step()

    def facts_changed(self, statements):
        step()
        facts(self, statements)
        step()

    maildir.rename, Index.change, Facts.change = renamed, changed, facts_changed


async def contents(account):
    from mailsuite.model.changes import Need

    found, uids = {}, {}
    for row in await account.mailboxes():
        if not row.selectable:
            continue
        box = await account.mailbox(row.id)
        seen = await box.snapshot()
        uids[row.name] = list(seen.uid)
        numbers = []
        for uid in seen.uid:
            octets = await box.octets(uid)
            content = await octets.read(0, octets.size)
            number = int(content.split(b"\r\n")[0].split()[1])
            assert content == body(number), (row.name, uid)
            numbers.append(number)
        async for _ in box.read(list(seen.uid), [Need.ENVELOPE]):
            pass
        if numbers or row.name in {"INBOX", "Archive", "Trash"} or row.use == "":
            found[row.name] = sorted(numbers)
    return found, uids


def examine(folder, sink):
    """Open what is left and tell what is wrong with it."""
    acks = []
    if os.path.exists(os.path.join(folder, "acks")):
        with open(os.path.join(folder, "acks")) as file:
            acks = [json.loads(line) for line in file]
    count = len(acks)
    every = list(states())
    wrong = []

    async def work(reactor):
        journal = Journal(os.path.join(folder, "journal"))
        here = house(reactor, folder, journal)
        from mailsuite.interfaces.journal import Position

        journal.kept = [
            (Position(0, 1, 8 * n), record) for n, record in enumerate(journal.records)
        ]
        accounts = await here.start(replay=True)
        account = await accounts.open("alice@example.test")
        if count in DELIVERIES:
            await delivered(account, DELIVERIES[count])
        found, _ = await contents(account)
        allowed = every[count : count + 2]
        if count in DELIVERIES:
            allowed = allowed[1:]
        partial = [{"work": []} | every[6], every[8] | {"Done": []}]
        if found not in allowed and not (count in {6, 8} and found in partial):
            wrong.append(f"after {count}: {found} is none of {allowed}")
        inbox = await account.mailbox("INBOX")
        before = (await inbox.row()).uidnext
        given = [uid for uids in acks for uid in uids]
        if given and before <= max(given):
            wrong.append(f"UIDNEXT {before} was given before: {given}")
        await here.stop()
        wrong.extend(verified(here))

    trouble = run(work)
    if trouble is not None:
        wrong.append(str(trouble))
    sink.write(json.dumps({"acked": count, "wrong": wrong}))
    sink.flush()
    os._exit(0)


def verified(here):
    import time

    from mailsuite.store import index
    from mailsuite.store.verify import Finding, verify

    ground = index.Ground(
        here.data, here.settings, here.events, time.time, time.monotonic, "host"
    )
    return [
        f"{found.mailbox}: {found.text}"
        for found in verify(ground, "alice@example.test")
        if isinstance(found, Finding)
    ]


def forked(call, *args):
    pid = os.fork()
    if pid == 0:
        try:
            call(*args)
        finally:
            os._exit(8)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main():
    import mailsuite.store.verify  # noqa: F401 - once for all children
    import tests.support.store  # noqa: F401 - same

    folder, first, step, count = sys.argv[1], *map(int, sys.argv[2:])
    for n in range(first, first + step * count, step):
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        ended = forked(victim, folder, n)
        told = os.path.join(folder, "told")
        with open(told, "w") as sink:
            looked = forked(examine, folder, sink)
        with open(told) as file:
            text = file.read()
        result = json.loads(text) if text else {"wrong": [f"examiner ended {looked}"]}
        print(json.dumps({"n": n, "ended": ended} | result), flush=True)
        if ended == 0:
            return


if __name__ == "__main__":
    main()
