"""Reports to read and messages to judge, made for tests."""

import gzip
import json
from email.message import EmailMessage

from twisted.internet.task import Clock

from mailsuite.directory import memory
from mailsuite.dns.memory import Table
from mailsuite.events.memory import Events
from mailsuite.interfaces.reporting import Judged
from mailsuite.model.envelope import Blob
from mailsuite.model.outcomes import Delivered
from mailsuite.model.proofs import (
    DMARC,
    SPF,
    Chain,
    Policy,
    Proofs,
    Result,
    Reverse,
    Signature,
)
from mailsuite.net.lanes import Inline
from mailsuite.queue.memory import MemoryQueue
from mailsuite.reports.archive import Archive
from mailsuite.reports.ground import Ground
from mailsuite.reports.reader import Reader
from mailsuite.reports.service import ReportService
from mailsuite.reports.settings import Reports

DAY = 86_400
NOON = 20_779 * DAY + DAY / 2  # 2026-11-22


def policy(domain="sender.test", *, rua=("mailto:dmarc@sender.test",), **more):
    return Policy(domain, "v=DMARC1", rua=tuple(rua), **{"p": "reject"} | more)


def judged(
    domain="sender.test",
    *,
    ip="192.0.2.1",
    dkim=False,
    spf=False,
    when=NOON,
    asked=None,
    signatures=(),
    sender=None,
    disposition="none",
    **more,
):
    """One judged message of ``domain``."""
    sender = f"bounce@{domain}" if sender is None else sender
    result = Result.PASS if spf else Result.FAIL
    proofs = Proofs(
        ip,
        "helo.test",
        sender,
        Reverse(Result.NONE),
        SPF(Result.NONE, "helo", "helo.test"),
        SPF(result, "mailfrom", sender.rpartition("@")[2]),
        tuple(signatures),
        Chain(Result.NONE),
        DMARC(
            Result.PASS if dkim or spf else Result.FAIL,
            domain,
            domain,
            policy(domain) if asked is None else asked,
            spf=spf,
            dkim=dkim,
            discovery="treewalk",
        ),
    )
    more = {
        "header": b"From: a@sender.test\r\nSubject: x\r\n",
        "to": "example.test",
    } | more
    return Judged(proofs, when=when, disposition=disposition, **more)


def signature(domain="sender.test", result=Result.PASS, selector="s1"):
    return Signature(result, domain, selector)


ROW = """
<record>
 <row><source_ip>{ip}</source_ip><count>{count}</count>
  <policy_evaluated><disposition>{action}</disposition><dkim>{dkim}</dkim>
   <spf>{spf}</spf></policy_evaluated></row>
 <identifiers><header_from>example.test</header_from></identifiers>
 <auth_results>
  <dkim><domain>{signer}</domain><selector>s</selector><result>{dkim}</result></dkim>
  <spf><domain>bounces.test</domain><result>{spf}</result></spf>
 </auth_results>
</record>
"""


def row(ip="192.0.2.7", count=3, dkim="pass", spf="fail", **more):
    values = {"action": "none", "signer": "example.test"} | more
    return ROW.format(ip=ip, count=count, dkim=dkim, spf=spf, **values)


def xml(
    *rows, org="Receiver Inc", ident="r-1", domain="example.test", day=20_778, head=""
):
    """An aggregate report as most send it (RFC 7489 appendix C)."""
    return f"""<?xml version="1.0" encoding="UTF-8" ?>{head}
<feedback>
 <report_metadata><org_name>{org}</org_name><email>noreply@receiver.test</email>
  <report_id>{ident}</report_id>
  <date_range><begin>{day * DAY}</begin><end>{day * DAY + DAY - 1}</end></date_range>
 </report_metadata>
 <policy_published><domain>{domain}</domain><adkim>r</adkim><p>reject</p><pct>100</pct>
 </policy_published>
{"".join(rows or (row(),))}
</feedback>
""".encode()


def tls_json(ident="t-1", domain="example.test", good=90, failed=10, day="2026-11-21"):
    """A TLS report (RFC 8460 appendix B)."""
    return json.dumps(
        {
            "organization-name": "Company-X",
            "date-range": {
                "start-datetime": f"{day}T00:00:00Z",
                "end-datetime": f"{day}T23:59:59Z",
            },
            "contact-info": "sts-reporting@company-x.test",
            "report-id": ident,
            "policies": [
                {
                    "policy": {
                        "policy-type": "sts",
                        "policy-string": ["version: STSv1", "mode: testing"],
                        "policy-domain": domain,
                        "mx-host": ["mx." + domain],
                    },
                    "summary": {
                        "total-successful-session-count": good,
                        "total-failure-session-count": failed,
                    },
                    "failure-details": [
                        {
                            "result-type": "certificate-expired",
                            "sending-mta-ip": "2001:db8:abcd:12::1",
                            "receiving-mx-hostname": "mx1." + domain,
                            "failed-session-count": failed,
                        }
                    ],
                }
            ],
        }
    ).encode()


def mail(content, kind="gzip", to="dmarc-reports@example.test", name="r.xml.gz"):
    """A message with one attachment, as others send their reports."""
    message = EmailMessage()
    message["From"] = "noreply@receiver.test"
    message["To"] = to
    message["Subject"] = "Report Domain: example.test Submitter: receiver.test"
    message.set_content("This is a report.")
    message.add_attachment(content, maintype="application", subtype=kind, filename=name)
    return message.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def gzipped(*rows, **more):
    return gzip.compress(xml(*rows, **more))


FEEDBACK = b"""From: Filter <dmarc@gen.test>
To: dmarc-reports@example.test
Subject: FW: hello
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="=_b"

--=_b
Content-Type: text/plain

A failure.
--=_b
Content-Type: message/feedback-report

Feedback-Type: auth-failure
Version: 1
User-Agent: DMARC-Filter/1.2.3
Auth-Failure: dmarc
Authentication-Results: gen.test;
 dmarc=fail header.from=example.test
Identity-Alignment: dkim
Original-Mail-From: <author@forwarder.test>
Source-IP: 192.0.2.2
Reported-Domain: example.test
Arrival-Date: Sat, 21 Nov 2026 10:00:00 +0000

--=_b
Content-Type: text/rfc822-headers

From: Somebody <someone@example.test>
Subject: A forged one

--=_b--
""".replace(b"\n", b"\r\n")


class InlineWorkers:
    """Answers like the child, without one; ``trouble`` is raised instead, once each."""

    def __init__(self, limit=10 << 20):
        self.reader = Reader(limit)
        self.trouble = []
        self.asked = 0

    async def ask(self, header, octets=b""):
        self.asked += 1
        if self.trouble:
            raise self.trouble.pop(0)
        told, body = self.reader.answer(json.loads(json.dumps(header)), octets)
        return json.loads(json.dumps(told)), bytes(body)

    async def stop(self):
        pass


class World:
    """A report service on memory: queue, directory, resolver, database."""

    def __init__(
        self, *, text=None, broken=(), path=":memory:", queue=None, **settings
    ):
        self.wall = NOON
        self.clock = Clock()
        self.events = Events()
        self.resolver = Table(text=text or {}, broken=frozenset(broken))
        self.directory = memory.make({"user1@example.test": "secret"}).directory
        self.transports = {}
        self.queue = queue or Faulty(MemoryQueue(self.directory, self.transports))
        self.path = path
        self.settings = Reports(**settings)
        ground = Ground(
            self.clock,
            lambda: self.wall,
            "mx.example.test",
            self.events,
            self.queue,
            Blobs(),
            self.directory,
            self.resolver,
            self.domains,
        )
        self.archive = Archive(path, Inline(), self.events)
        self.service = ReportService(ground, self.settings, self.archive)
        self.workers = InlineWorkers()
        for part in (self.service, self.service._sender, self.service._intake):
            for name in ("workers", "_workers"):
                if hasattr(part, name):
                    setattr(part, name, self.workers)
        self.mails = []
        self.transports["relay"] = self
        self.transports["local"] = self
        self.transports["reports"] = self.service.consuming

    async def domains(self):
        return ["example.test"]

    async def deliver(self, lease, settle):
        """The transports ``relay`` and ``local``: keeps what came."""
        self.mails.append((lease.envelope, lease.blob.octets))
        await settle(lease, {one.n: Delivered() for one in lease.recipients})


class Blobs:
    def kept(self, content):
        return Blob(f"b{hash(content)}", len(content), content)


class Faulty:
    """A queue whose ``accept`` may fail: ``before`` or ``after`` the work is done."""

    def __init__(self, queue):
        self.queue = queue
        self.before = self.after = None

    async def accept(self, submissions):
        if self.before:
            raise self.before
        ids = await self.queue.accept(submissions)
        if self.after:
            raise self.after
        return ids
