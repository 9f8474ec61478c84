"""An IChanges of accounts whose messages are files in one folder."""

import os

from zope.interface import implementer

from mailsuite.interfaces.changes import IChanges


@implementer(IChanges)
class Changes:
    def __init__(self, folder):
        self.folder = folder
        self.logs = {}
        self.wakes = []
        self.asked = 0

    def add(self, account, text):
        """A message comes in; gives its email id."""
        log = self.logs.setdefault(account, [])
        email = len(log) + 1
        path = os.path.join(self.folder, account, "new", f"{email}.m")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(text)
        log.append(("added", email, path))
        self.tell(account)
        return email

    def remove(self, account, email):
        self.logs[account].append(("gone", email, ""))
        self.tell(account)

    def tell(self, account):
        for wake in self.wakes:
            wake(account)

    async def since(self, account, modseq, limit):
        self.asked += 1
        log = self.logs.get(account, [])
        reached = min(len(log), modseq + limit)
        part = log[modseq:reached]
        gone = {email for what, email, _ in log if what == "gone"}
        return (
            reached,
            [(e, p) for what, e, p in part if what == "added" and e not in gone],
            [e for what, e, _ in part if what == "gone"],
        )

    async def accounts(self):
        return sorted(self.logs)

    async def located(self, account, emails):
        gone = {e for what, e, _ in self.logs.get(account, []) if what == "gone"}
        return [(e, 1, "INBOX", e + 100) for e in emails if e not in gone]

    def follow(self, wake):
        self.wakes.append(wake)
        return lambda: self.wakes.remove(wake)
