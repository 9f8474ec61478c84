"""The control socket's routes: strict in what they take, problems as RFC 9457."""

import json

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mailsuite.directory import memory
from mailsuite.http.api.house import Reloading, Search
from mailsuite.http.api.people import People
from mailsuite.http.api.queue import Queue
from mailsuite.http.asked import BODY_OCTETS, Asked, parsed
from mailsuite.http.problems import Problem
from mailsuite.http.routes import direct
from mailsuite.http.site import API, Watched
from mailsuite.interfaces.queueing import Listed, Page
from mailsuite.interfaces.searching import Hit
from mailsuite.model.address import Address


class OneJob:
    """A queue that holds one job and remembers what it was told."""

    told = ()

    async def browse(self, after, limit):
        row = Listed(
            *("A1", 0, None, Address("x", "else.test"), "relay", 9, 1.0, 2.0, 3.0),
            *(1, "451 later", "deferred"),
        )
        return Page((row,), "")

    async def show(self, id):  # noqa: A002
        return (await self.browse("", 1)).rows if id == "A1" else ()

    async def change(self, ids, action):
        self.told = (ids, action)
        return int(ids is None or "A1" in ids)


class OneHit:
    async def ask(self, account, words, limit):
        return [Hit("INBOX", 1, 1.0, "a@x.test", words, 0.0)]


class Quiet(StringTransport):
    """A transport that HTTP/1.1 of Twisted can be spoken over."""

    def setTcpNoDelay(self, enabled):
        pass


class SiteTests(SynchronousTestCase):
    def setUp(self):
        self.made = memory.make({"ann@example.test": "a"})
        self.queue = OneJob()
        self.restart = ["server.data"]
        routes = [
            *People(self.made.admin).routes(),
            *Queue(self.queue).routes(),
            *Search(self.made.directory, OneHit()).routes(),
            *Reloading(self.reload).routes(),
        ]
        self.ready = False

        async def metrics():
            return b"metrics 1\n"

        watched = Watched(metrics, lambda: self.ready)
        self.site = API(routes, watched, self.made.events).site(Clock())

    async def reload(self):
        return self.restart

    def ask(self, method, path, body=None, head=b""):
        """Send one request; gives (status, headers, document or octets)."""
        content = b"" if body is None else body
        if not isinstance(content, bytes):
            content = json.dumps(content).encode()
        protocol = self.site.buildProtocol(None)
        transport = Quiet()
        protocol.makeConnection(transport)
        length = b"" if head else b"Content-Length: %d\r\n" % len(content)
        protocol.dataReceived(
            f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n".encode()
            + head
            + length
            + b"\r\n"
            + content
        )
        answer = transport.value()
        top, _, octets = answer.partition(b"\r\n\r\n")
        status = int(top.split()[1])
        if b"chunked" in top.lower():
            octets = octets.partition(b"\r\n")[2].rpartition(b"\r\n0\r\n")[0]
        return status, top.lower(), json.loads(octets) if octets[:1] == b"{" else octets

    def test_users(self):
        """Users are listed, made, changed and removed."""
        body = {"address": "bob@example.test", "password": "b", "quota_octets": 7}
        status, _, user = self.ask("POST", "/api/v1/users", body)
        self.assertEqual((status, user["quota_octets"]), (200, 7))
        _, _, listed = self.ask("GET", "/api/v1/users?domain=example.test")
        self.assertEqual(len(listed["users"]), 2)
        self.assertNotIn("password", str(listed))
        path = "/api/v1/users/bob@example.test"
        self.assertEqual(self.ask("PUT", path + "/password", {"password": "c"})[0], 200)
        _, _, user = self.ask("PUT", path + "/quota", {"quota_octets": 9})
        self.assertEqual(user["quota_octets"], 9)
        _, _, user = self.ask("PUT", path + "/disabled", {"disabled": True})
        self.assertIs(user["disabled"], True)
        for wrong in ({}, {"disabled": 1}, {"disabled": "yes"}):
            self.assertEqual(self.ask("PUT", path + "/disabled", wrong)[0], 400)
        self.assertEqual(self.ask("PUT", path + "/quota", {})[0], 400)
        self.assertEqual(self.ask("DELETE", path)[0], 200)
        self.assertEqual(self.ask("DELETE", path)[0], 409)

    def test_domains_and_aliases(self):
        """Domains and aliases likewise."""
        self.assertEqual(
            self.ask("POST", "/api/v1/domains", {"name": "new.test"})[0], 200
        )
        self.assertEqual(len(self.ask("GET", "/api/v1/domains")[2]["domains"]), 2)
        body = {"address": "i@new.test", "targets": ["ann@example.test"]}
        self.assertEqual(self.ask("POST", "/api/v1/aliases", body)[0], 200)
        self.assertEqual(len(self.ask("GET", "/api/v1/aliases")[2]["aliases"]), 1)
        self.assertEqual(self.ask("DELETE", "/api/v1/aliases/i@new.test")[0], 200)
        self.assertEqual(self.ask("DELETE", "/api/v1/domains/new.test")[0], 200)

    def test_problem(self):
        """What cannot be is a problem document with a text that helps."""
        body = {"address": "a@none.test", "password": "x"}
        status, head, problem = self.ask("POST", "/api/v1/users", body)
        self.assertEqual(status, 409)
        self.assertIn(b"application/problem+json", head)
        self.assertEqual(problem["status"], 409)
        self.assertIn("mailsuite domain add", problem["detail"])

    def test_unknown_field(self):
        """An unknown field is refused, not passed over."""
        body = {"name": "x.test", "catchall": "y"}
        status, _, problem = self.ask("POST", "/api/v1/domains", body)
        self.assertEqual((status, "catchall" in problem["detail"]), (400, True))
        self.assertEqual(self.ask("GET", "/api/v1/users?x=1")[0], 400)

    def test_nothing_there(self):
        """Other paths and methods are refused; nothing is traced."""
        self.assertEqual(self.ask("GET", "/api/v1/nothing")[0], 404)
        self.assertIn(self.ask("PATCH", "/api/v1/users", {})[0], (404, 405))

    def test_queue(self):
        """The queue is paged, shown and changed."""
        _, _, page = self.ask("GET", "/api/v1/queue?limit=5")
        self.assertEqual(page["jobs"][0]["recipient"], "x@else.test")
        self.assertEqual(page["jobs"][0]["sender"], "")
        self.assertEqual(self.ask("GET", "/api/v1/queue/A1")[0], 200)
        self.assertEqual(self.ask("GET", "/api/v1/queue/B")[0], 404)
        body = {"action": "retry", "ids": ["A1"]}
        self.assertEqual(self.ask("POST", "/api/v1/queue", body)[2], {"jobs": 1})
        self.assertEqual(self.queue.told, (["A1"], "retry"))
        body = {"action": "retry", "ids": ["B"]}
        self.assertEqual(self.ask("POST", "/api/v1/queue", body)[0], 404)
        self.ask("POST", "/api/v1/queue", {"action": "hold", "all": True})
        self.assertEqual(self.queue.told, (None, "hold"))

    def test_queue_wrong(self):
        """Neither a wrong action nor a forgotten id touches all jobs."""
        for body in (
            {"action": "drop", "all": True},
            {"action": "remove"},
            {"action": "remove", "all": 1},
            {"action": "remove", "all": True, "ids": []},
        ):
            self.assertEqual(self.ask("POST", "/api/v1/queue", body)[0], 400)
        self.assertEqual(self.queue.told, ())

    def test_search(self):
        """Words are searched in one account."""
        path = "/api/v1/search?account=ann%40example.test&words=a+b"
        self.assertEqual(self.ask("GET", path)[2]["hits"][0]["subject"], "a b")
        self.assertEqual(self.ask("GET", "/api/v1/search?account=a&words=")[0], 400)
        self.assertEqual(self.ask("GET", path + "&limit=-1")[0], 400)

    def test_search_of_nobody(self):
        """An account that nobody has is told, and none is made of it."""
        path = "/api/v1/search?account=nobody%40example.test&words=a"
        status, _, problem = self.ask("GET", path)
        self.assertEqual(status, 404)
        self.assertIn("nobody@example.test is no user", problem["detail"])

    def test_reload(self):
        """A reload tells what waits for a restart."""
        answer = self.ask("POST", "/api/v1/reload", {})[2]
        self.assertEqual(answer, {"restart": ["server.data"]})

    def test_unforeseen(self):
        """The unforeseen is 500 without its traceback, and logged once."""
        self.restart = None
        status, _, problem = self.ask("POST", "/api/v1/reload", {})
        self.assertEqual((status, problem["detail"]), (500, "the log says more"))
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)

    def test_watched(self):
        """Metrics and health have paths of their own."""
        self.assertEqual(self.ask("GET", "/metrics")[2], b"metrics 1\n")
        self.assertEqual(self.ask("GET", "/healthz/live")[0], 200)
        self.assertEqual(self.ask("GET", "/healthz/ready")[0], 503)
        self.ready = True
        self.assertEqual(self.ask("GET", "/healthz/ready")[0], 200)

    def test_large(self):
        """A body above the limit is refused before it is sent."""
        head = b"Content-Length: %d\r\n" % (BODY_OCTETS + 1)
        self.assertEqual(self.ask("POST", "/api/v1/users", b"", head)[0], 413)

    def test_large_chunks(self):
        """So is one whose length nobody told."""
        chunk = b"%x\r\n" % (BODY_OCTETS + 1) + b"x" * (BODY_OCTETS + 1)
        head = b"Transfer-Encoding: chunked\r\n"
        self.assertEqual(self.ask("POST", "/api/v1/users", chunk, head)[0], 413)


class BodyTests(SynchronousTestCase):
    def refused(self, octets):
        return self.assertRaises(Problem, parsed, octets).status

    def test_refused(self):
        """No JSON, no object, a name twice, too deep, too large."""
        for octets in (b"x", b"[1]", b"1", b'{"a":1,"a":2}', b"\xff", b'{"a":NaN'):
            self.assertEqual(self.refused(octets), 400)
        self.assertEqual(self.refused(b'{"a":' + b"[" * 100_000 + b"}"), 400)
        self.assertEqual(self.refused(b" " * (BODY_OCTETS + 1)), 413)

    def test_empty(self):
        """No body is an empty object."""
        self.assertEqual(parsed(b""), {})

    def test_direct(self):
        """Commands call the same routes without a socket."""
        made = memory.make({"ann@example.test": "a"})
        routes = People(made.admin).routes()
        work = direct(routes, "GET", ["users"], Asked())
        answer = self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual(answer["users"][0]["account"], "ann@example.test")
        work = direct(routes, "GET", ["queue"], Asked())
        self.failureResultOf(Deferred.fromCoroutine(work), Problem)
