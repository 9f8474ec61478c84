"""A whole suite beside a name server: what dns and doctor say of it, and when."""

import json
import os
import re
import shutil
import tempfile

import dns.zone
from twisted.trial.unittest import SynchronousTestCase

from tests.support.authentication import NameThread
from tests.support.demo import Demo
from tests.support.nameserver import Zones
from tests.support.warm import WARM


class Case(SynchronousTestCase):
    @classmethod
    def setUpClass(cls):
        cls.names = NameThread(Zones())
        cls.demo = Demo(
            users=1,
            settings={
                "MAILSUITE_DNS_SERVERS": f"127.0.0.1:{cls.names.port}",
                "MAILSUITE_DNS_SECONDS": "1.0",
                "MAILSUITE_DNS_CACHE": "0",
                "MAILSUITE_DOCTOR_SECONDS": "5.0",
                "MAILSUITE_RECORDS_ADDRESSES": "127.0.0.1",
            },
        )
        cls.demo.settings["MAILSUITE_DOCTOR_OUTBOUND"] = (
            f"far.test:{cls.demo.base + 25}"
        )
        try:
            cls.demo.start()
        except BaseException:
            cls.tearDownClass()
            raise
        cls.domain = cls.demo.address(1).rpartition("@")[2]

    @classmethod
    def tearDownClass(cls):
        cls.demo.remove()
        cls.names.stop()

    def run_verb(self, *words, status=0, config=None):
        path = str(config or self.demo.folder / "etc" / "mailsuite.toml")
        environ = os.environ | self.demo.settings
        found, told, errors = WARM.run(("--config", path, *words), environ)
        self.assertEqual(found, status, told + errors)
        return told

    def publish(self):
        """Put everything that ``dns records`` says into the name server."""
        text = self.run_verb("dns", "records", self.domain, "--format", "zone")
        text = text.replace("; in another zone: ", "")
        found = dns.zone.from_text(
            text, origin=".", relativize=False, check_origin=False
        )
        zones = Zones()
        for name, records in found.iterate_rdatasets():
            for record in records:
                kind = records.rdtype.name
                zones.add(f"{name} 0 IN {kind} {record.to_text()}")
        host = re.search(r" MX \d+ (\S+)", text)[1]
        zones.add(f"1.0.0.127.in-addr.arpa. 0 IN PTR {host}")
        zones.add("far.test. 0 IN A 127.0.0.1")
        self.names.zones = zones
        return zones

    def found(self, *words, status=0):
        """Findings by their subject."""
        told = json.loads(self.run_verb(*words, "--json", status=status))
        self.assertEqual(told["well"], status == 0)
        return {one["subject"]: one for one in told["findings"]}

    def test_published_as_told(self):
        """What records tells, once published, satisfies check and doctor."""
        zones = self.publish()
        found = self.found("dns", "check", self.domain)
        self.assertEqual({one["state"] for one in found.values()}, {"right"}, found)
        found = self.found("doctor")
        self.assertEqual(found[self.domain]["state"], "right", found)
        self.assertEqual(found["port 25 outwards"]["state"], "right", found)
        self.assertEqual(found["resolver"]["state"], "right")
        (door,) = [one for name, one in found.items() if name == self.port(25)]
        self.assertEqual(door["said"], "smtp answers")
        zones.remove(f"_dmarc.{self.domain}.")
        found = self.found("dns", "check", self.domain, status=1)
        wrong = [name for name, one in found.items() if one["state"] == "wrong"]
        self.assertEqual(wrong, [f"_dmarc.{self.domain} TXT"])
        found = self.found("doctor", status=1)
        self.assertEqual(found[f"_dmarc.{self.domain} TXT"]["state"], "wrong")

    def port(self, offset):
        return f"port {self.demo.base + offset}"

    def test_nothing_published(self):
        """Without any record the hints say what to publish, one line each."""
        self.names.zones = Zones()
        told = self.run_verb("dns", "check", self.domain, status=1)
        self.assertIn(f"WRONG {self.domain} MX: mail goes to nobody\n", told)
        self.assertIn(f"      publish: {self.domain}. IN MX 10 mx.", told)

    def test_silence(self):
        """A name server that fails is told as that, and not as missing records."""
        zones = self.publish()
        zones.failing(f"{self.domain}.")
        found = self.found("dns", "check", self.domain, status=1)
        self.assertIn("no answer", found[f"{self.domain} MX"]["said"])

    def test_formats(self):
        """Table, zone file and JSON tell the same records."""
        told = json.loads(
            self.run_verb("dns", "records", self.domain, "--format", "json")
        )
        table = self.run_verb("dns", "records", self.domain)
        zone = self.run_verb("dns", "records", self.domain, "--format", "zone")
        self.assertEqual(told["zone"], zone)
        for row in told["records"]:
            self.assertIn(row["name"], table)
            self.assertIn(f"{row['name']}. IN {row['type']}", zone)
        kinds = {row["topic"] for row in told["records"]}
        self.assertLessEqual(
            {"mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "tlsa", "srv"}, kinds
        )
        self.assertIn("mode: testing", told["policy"])

    def test_not_ours(self):
        """Other people's domains are not looked after."""
        for words in (("records",), ("check",)):
            done = self.run_verb("dns", *words, "other.test", status=1)
            self.assertEqual(done, "")

    def test_stopped(self):
        """A suite that does not run is examined too: its ports are what is wrong."""
        folder = tempfile.mkdtemp(prefix="mailsuite-")
        self.addCleanup(shutil.rmtree, folder)
        config = os.path.join(folder, "etc", "mailsuite.toml")
        name = ("ann@stopped.test", "--hostname", "mx.stopped.test")
        self.run_verb("init", *name, config=config)
        self.names.zones = Zones("mx.stopped.test. 0 IN A 127.0.0.1")
        told = self.run_verb("dns", "check", "stopped.test", config=config, status=1)
        self.assertIn("WRONG stopped.test MX", told)
        told = self.run_verb("doctor", config=config, status=1)
        self.assertIn("start the suite", told)
        self.assertIn("ok    data folder", told)
        self.assertNotIn("Traceback", told)
