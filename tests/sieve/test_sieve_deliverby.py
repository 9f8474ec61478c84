"""envelope-dsn, envelope-deliverby, redirect-dsn, redirect-deliverby (RFC 6009)."""

from calendar import timegm

from twisted.trial.unittest import SynchronousTestCase

from mailsuite.sieve.actions import Discard, Keep, Redirect
from tests.support.sieve import errors, holds, run_script

NOW = float(timegm((2026, 11, 22, 19, 0, 0)))
COUNTED = "envelope envelope-dsn relational comparator-i;ascii-numeric"
TIMED = "envelope envelope-deliverby relational comparator-i;ascii-numeric"


def sent(script, message="From: user@example.com\n\n", **letter):
    """The one copy that a script sends on."""
    plan = run_script(script, message, now=NOW, **letter)
    assert not plan.trouble, plan.trouble
    (found,) = [one for one in plan.actions if isinstance(one, Redirect)]
    return found


def done(script, **letter):
    """Whether a script of the RFC comes to the place where it does whatever."""
    plan = run_script(script.replace("# do whatever", "discard;"), now=NOW, **letter)
    assert not plan.trouble, plan.trouble
    return isinstance(plan.actions[0], Discard)


class PrintedTests(SynchronousTestCase):
    """The scripts as they stand there, with what they ask for."""

    def test_success(self):
        """§4.1, first: SUCCESS was requested, whatever else."""
        script = """
   require ["envelope", "envelope-dsn"];

   # Check whether SUCCESS notifications were requested,
   # irrespective of any other requests that were made
   if envelope "notify" "SUCCESS"
   {
       # do whatever
   }
        """
        for value, found in (
            ("SUCCESS", True),
            ("FAILURE,SUCCESS,DELAY", True),
            ("FAILURE", False),
            ("NEVER", False),
        ):
            self.assertIs(done(script, parameters={"NOTIFY": value}), found, value)
        self.assertFalse(done(script))

    def test_failure_alone(self):
        """§4.1, second: FAILURE alone was requested."""
        script = """
   require ["envelope", "envelope-dsn", "relational",
            "comparator-i;ascii-numeric"];

   # Check whether only FAILURE notifications were requested
   if allof ( envelope "notify" "FAILURE",
              envelope :comparator "i;ascii-numeric"
                       :count "eq" "notify" "1"
            )
   {
       # do whatever
   }
        """
        for value, found in (
            ("FAILURE", True),
            ("FAILURE,DELAY", False),
            ("SUCCESS", False),
        ):
            self.assertIs(done(script, parameters={"NOTIFY": value}), found, value)
        self.assertFalse(done(script))

    def test_original_recipient(self):
        """§4.1, third: the original recipient was in the domain example.com."""
        script = """
   require ["envelope", "envelope-dsn"];

   # See if the orcpt is an RFC822 address in the example.com
   # domain
   if envelope :matches "orcpt" "rfc822;*@example.com"
   {
       # do whatever
   }
        """
        for value, found in (
            ("rfc822;joe@example.com", True),
            ("rfc822;joe@example.org", False),
            ("utf-8;joe@example.com", False),
        ):
            self.assertIs(done(script, parameters={"ORCPT": value}), found, value)
        self.assertFalse(done(script))

    def test_late(self):
        """§5.1, first: it did not come in the time allotted."""
        script = """
   require ["envelope", "envelope-deliverby", "relational",
            "comparator-i;ascii-numeric"];

   # Check to see if this message didn't make it in the time allotted by
   # the originator.
   if anyof (envelope :contains "bytimerelative" "-",
             envelope :value "eq" :comparator "i;ascii-numeric"
                      "bytimerelative" "0")
   {
       # do whatever
   }
        """
        for value, late in (("-5;N", True), ("0;RT", True), ("5;R", False)):
            self.assertIs(done(script, parameters={"BY": value}), late, value)
        self.assertFalse(done(script))

    def test_dates(self):
        """§5.1, second, as printed: ge holds where there is time left.

        The text wants the messages that are late, which are those where lt holds.
        """
        script = """
   require ["envelope", "envelope-deliverby", "relational", "date",
            "variables"];

   # Check to see if this message didn't make it in the time allotted by
   # the originator.
   if currentdate :matches "iso8601" "*" {
       set "cdate" "${0}";
       if envelope :value "ge" "bytimeabsolute" "${cdate}" {
           # do whatever
       }
   }
        """
        for value, late in (("-5;N", True), ("0;R", False), ("5;R", False)):
            for zone in (0, 60, -330):
                given = {"parameters": {"BY": value}, "zone": zone}
                self.assertIs(done(script, **given), not late, given)
                meant = script.replace('"ge"', '"lt"')
                self.assertIs(done(meant, **given), late, given)
        self.assertFalse(done(script))

    def test_missed(self):
        """§5.1, third: as printed it is no script; with its brackets put right it is.

        Then ``lt`` files what still has time, as in the example before.
        """
        script = """
   require ["envelope", "envelope-deliverby", "relational", "date",
            "variables"];

   # If the message didn't make it in time, file it according to when it
   # should have been received
   if envelope :matches :zone "+0000" "bytimeabsolute" "*T*:*:*" {
       set "bdate" "${0}";
       set "bhour" "${2}";
       if currentdate :zone "+0000" :value "lt" "iso8601" "${bdate}")
           fileinto "missed-${bhour}";
       }
   }
        """
        self.assertIn("line 10, column 69", errors(script))
        script = script.replace('"${bdate}")', '"${bdate}" {')
        self.assertIn("fileinto is not asked for", errors(script))
        script = script.replace('"variables"]', '"variables", "fileinto"]')
        for value, name in (("7200;N", "missed-21"), ("-7200;N", None)):
            plan = run_script(script, parameters={"BY": value}, now=NOW, zone=60)
            self.assertEqual(getattr(plan.actions[0], "mailbox", None), name, value)

    def test_before_ten(self):
        """§7.2: as printed the limit is 20:00; erratum 2545 puts it to 22:00."""
        printed = RedirectTests.LATE.replace("T22:00:00", "T20:00:00")
        self.assertEqual(sent(printed).by, "3600;R")
        self.assertEqual(sent(RedirectTests.LATE).by, "10800;R")
        plan = run_script(RedirectTests.LATE, now=NOW + 3 * 3600)
        self.assertEqual((plan.trouble, plan.actions), ("", (Keep(implicit=True),)))


class EnvelopeDSNTests(SynchronousTestCase):
    def test_one_condition(self):
        """§4.1: a condition is found whatever stands beside it."""
        test = 'envelope "notify" "SUCCESS"'
        for value, found in (
            ("SUCCESS", True),
            ("FAILURE,SUCCESS", True),
            ("success,DELAY", True),
            ("FAILURE", False),
            ("NEVER", False),
        ):
            given = {"NOTIFY": value}
            result = holds(test, requires="envelope envelope-dsn", parameters=given)
            self.assertIs(result, found, value)
        self.assertFalse(holds(test, requires="envelope envelope-dsn"))

    def test_only_condition(self):
        """§4.1: a condition is the only one."""
        test = """allof ( envelope "notify" "FAILURE",
              envelope :comparator "i;ascii-numeric"
                       :count "eq" "notify" "1"
            )"""
        for value, found in (("FAILURE", True), ("FAILURE,DELAY", False)):
            given = {"NOTIFY": value}
            self.assertIs(holds(test, requires=COUNTED, parameters=given), found)

    def test_orcpt(self):
        """§4.1: an original recipient is matched decoded, with its type."""
        test = 'envelope :matches "orcpt" "rfc822;*@example.com"'
        for value, found in (
            ("rfc822;joe@example.com", True),
            ("rfc822;joe+2Bfolder@example.com", True),
            ("rfc822;joe@example.org", False),
            ("x400;joe@example.com", False),
        ):
            given = {"ORCPT": value}
            result = holds(test, requires="envelope envelope-dsn", parameters=given)
            self.assertIs(result, found, value)
        self.assertTrue(
            holds(
                'envelope "orcpt" "rfc822;joe+folder@example.com"',
                requires="envelope envelope-dsn",
                parameters={"ORCPT": "rfc822;joe+2Bfolder@example.com"},
            )
        )

    def test_others(self):
        """RET and ENVID, decoded; what is not there matches nothing."""
        given = {"RET": "HDRS", "ENVID": "QQ+2B314"}
        for test in ('envelope "ret" "hdrs"', 'envelope "ENVID" "QQ+314"'):
            self.assertTrue(
                holds(test, requires="envelope envelope-dsn", parameters=given)
            )
            self.assertFalse(holds(test, requires="envelope envelope-dsn"))

    def test_counts(self):
        """§4: what is there counts one, conditions count each."""
        given = {"NOTIFY": "SUCCESS,DELAY", "ORCPT": "rfc822;a@b.c", "RET": "FULL"}
        for part, there, absent in (
            ("notify", 2, 0),
            ("orcpt", 1, 0),
            ("ret", 1, 0),
            ("envid", 0, 0),
        ):
            test = f'envelope :count "eq" "{part}" "{{}}"'
            one = test.format(there)
            self.assertTrue(holds(one, requires=COUNTED, parameters=given), part)
            self.assertTrue(holds(test.format(absent), requires=COUNTED), part)

    def test_errors(self):
        """Parts need their capability, and have no parts of addresses."""
        script = 'require ["envelope"]; if envelope "notify" "x" { keep; }'
        self.assertIn("envelope-dsn", errors(script))
        for part in ("notify", "orcpt", "ret", "envid"):
            script = f"""require ["envelope", "envelope-dsn"];
                if envelope :localpart "{part}" "x" {{ keep; }}"""
            self.assertIn("no address", errors(script))


class EnvelopeDeliverbyTests(SynchronousTestCase):
    def by(self, test, value, requires=TIMED, **letter):
        given = {"BY": value} if value else {}
        return holds(test, requires=requires, parameters=given, now=NOW, **letter)

    def test_late(self):
        """§5.1: the first example finds what came too late."""
        test = """anyof (envelope :contains "bytimerelative" "-",
             envelope :value "eq" :comparator "i;ascii-numeric"
                      "bytimerelative" "0")"""
        for value, late in (("-5;N", True), ("0;R", True), ("5;R", False), ("", False)):
            self.assertIs(self.by(test, value), late, value)

    def test_late_by_date(self):
        """§5.1: so does the second, which compares dates."""
        script = """
   require ["envelope", "envelope-deliverby", "relational", "date",
            "variables"];
   if currentdate :matches "iso8601" "*" {
       set "cdate" "${0}";
       if envelope :value "ge" "bytimeabsolute" "${cdate}" {
           discard;
       }
   }
        """
        for value, intime in (("-5;N", False), ("0;R", True), ("5;R", True)):
            plan = run_script(script, parameters={"BY": value}, now=NOW, zone=60)
            self.assertEqual(plan.trouble, "")
            self.assertIs(not isinstance(plan.actions[0], Keep), intime)

    def test_missed(self):
        """§5.1: the third files by the hour in which it should have come.

        The RFC compares the dates the wrong way round.
        """
        script = """
   require ["envelope", "envelope-deliverby", "relational", "date",
            "variables", "fileinto"];
   if envelope :matches :zone "+0000" "bytimeabsolute" "*T*:*:*" {
       set "bdate" "${0}";
       set "bhour" "${2}";
       if currentdate :zone "+0000" :value "gt" "iso8601" "${bdate}" {
           fileinto "missed-${bhour}";
       }
   }
        """
        plan = run_script(script, parameters={"BY": "-3600;N"}, now=NOW, zone=300)
        self.assertEqual(plan.actions[0].mailbox, "missed-18")
        plan = run_script(script, parameters={"BY": "60;N"}, now=NOW)
        self.assertIsInstance(plan.actions[0], Keep)

    def test_parts(self):
        """Each part has its words."""
        for test, value in (
            ('envelope "bymode" "notify"', "1;N"),
            ('envelope "bymode" "return"', "1;r"),
            ('envelope "bytrace" "trace"', "1;NT"),
            ('envelope "bytrace" ""', "1;N"),
            ('envelope "bytimerelative" "120"', "120;R"),
            ('envelope "bytimeabsolute" "2026-11-22T19:01:00Z"', "60;R"),
            (
                'envelope :zone "-0130" "bytimeabsolute" "2026-11-22T17:31:00-01:30"',
                "60;R",
            ),
        ):
            self.assertTrue(self.by(test, value), test)
            self.assertFalse(self.by(test, ""), test)

    def test_counts(self):
        """Each counts one where BY was given, an empty trace too."""
        for part in ("bytimerelative", "bytimeabsolute", "bymode", "bytrace"):
            test = f'envelope :count "eq" "{part}" "{{}}"'
            self.assertTrue(self.by(test.format(1), "5;N"), part)
            self.assertTrue(self.by(test.format(0), ""), part)

    def test_bad(self):
        """A parameter that is none is not there; a zone that is none is told."""
        for value in ("x", "5", ";N", "5;X", "12345678901;N"):
            self.assertFalse(self.by('envelope :matches "bymode" "*"', value))
        script = """require ["envelope", "envelope-deliverby"];
            if envelope :zone "Paris" "bytimeabsolute" "x" { keep; }"""
        self.assertIn("no offset", errors(script))


class RedirectTests(SynchronousTestCase):
    def test_private_copy(self):
        """§6.2: a copy of which nobody is told anything."""
        script = """
   require ["copy", "redirect-dsn"];
   if address "from" "user@example.com"
   {
       redirect :copy :notify "NEVER" "elsewhere@example.com";
   }
        """
        found = sent(script)
        self.assertEqual(
            (found.address, found.notify), ("elsewhere@example.com", "NEVER")
        )

    def test_parameters(self):
        """Conditions and returns are written as SMTP has them."""
        found = sent(
            'require "redirect-dsn";'
            'redirect :notify "delay,Failure" :ret "hdrs" "a@b.example";'
        )
        self.assertEqual((found.notify, found.ret), ("DELAY,FAILURE", "HDRS"))

    def test_ten_minutes(self):
        """§7.2: a copy that comes within ten minutes or not at all."""
        script = """
   require ["copy", "redirect-deliverby"];
   if address "from" "user@example.com"
   {
       redirect :copy :bytimerelative 600 "cellphone@example.com";
   }
        """
        self.assertEqual(sent(script).by, "600;R")

    LATE = """
   require ["copy", "redirect-deliverby", "date", "variables",
            "relational", "comparator-i;ascii-numeric"];
   if currentdate :value "lt"
                  :comparator "i;ascii-numeric" "hour" "22"
   {
       if currentdate :matches "date" "*" {set "date" "${0}";}
       if currentdate :matches "zone" "*" {set "zone" "${0}";}
       redirect :copy :bytimeabsolute "${date}T22:00:00${zone}"
                :bymode "return" "cellphone@example.com";
   }
    """

    def test_before_ten(self):
        """§7.2: a copy that comes before ten in the evening, the owner's evening."""
        self.assertEqual(sent(self.LATE).by, "10800;R")
        self.assertEqual(sent(self.LATE, zone=60).by, "7200;R")
        self.assertEqual(sent(self.LATE, zone=-330).by, f"{8 * 3600 + 1800};R")

    def test_modes(self):
        """A mode and a trace are part of the limit; the past is only for notices."""
        head = 'require "redirect-deliverby"; redirect'
        for tags, by in (
            (':bytimerelative 60 :bymode "NOTIFY"', "60;N"),
            (':bytrace :bytimerelative 60 :bymode "return"', "60;RT"),
            (':bytimeabsolute "2026-11-22T18:59:00Z" :bymode "notify"', "-60;N"),
            (':bytimeabsolute "2026-11-22T20:30:00.5+01:30"', ""),
        ):
            script = f'{head} {tags} "a@b.example";'
            if by:
                self.assertEqual(sent(script).by, by)
            else:
                self.assertIn("has passed", run_script(script, now=NOW).trouble)

    def test_errors(self):
        """What is no condition, no date, no mode, or stands alone."""
        head = 'require ["redirect-dsn", "redirect-deliverby", "variables"]; redirect'
        for tags, told in (
            (':notify "NEVER,DELAY"', "neither NEVER"),
            (':notify ""', "neither NEVER"),
            (':notify "DELAY BODY=x"', "neither NEVER"),
            (':ret "ALL"', "neither FULL"),
            (':bymode "return"', "time limit"),
            (":bytrace", "time limit"),
            (':bytimerelative 1 :bymode "hold"', "neither notify"),
            (':bytimeabsolute "tomorrow"', "no date"),
            (':bytimeabsolute "2026-13-01T00:00:00Z"', "no time"),
            (':bytimerelative 1 :bytimeabsolute "x"', "cannot stand"),
        ):
            self.assertIn(told, errors(f'{head} {tags} "a@b.example";'), tags)

    def test_late_errors(self):
        """What a variable makes wrong fails the run."""
        script = """
            require ["redirect-dsn", "redirect-deliverby", "variables"];
            if header :matches "subject" "*" { set "x" "${1}"; }
        """
        for tag in (":notify", ":ret", ":bytimeabsolute"):
            plan = run_script(
                f'{script} redirect {tag} "${{x}}" "a@b.example";', "Subject: x\n\n"
            )
            self.assertTrue(plan.trouble, tag)
            self.assertEqual(plan.actions, (Keep(implicit=True),))
