#!/usr/bin/env python3
"""Deterministic, realistic mail corpus (standard library only).

usage: generate.py COUNT [--seed N] [--domain D]
                   (--maildir DIR | --mbox FILE | --eml DIR | --stats)
                   [--large SHARE] [--lf]

  --maildir DIR  DIR/{new,cur,tmp}, with flags in the file names
  --mbox FILE    one mboxrd file (for `imaptest mbox=FILE`)
  --eml DIR      DIR/000001.eml ...
  --stats        only print what COUNT messages would contain
  --large SHARE  share of messages with a 1-4 MB attachment (default 0.002)
  --lf           bare LF in the files (default CRLF; mbox is always LF)

As a module: for m in Corpus(seed).messages(count): m.raw, m.flags, m.date,
m.kind, m.msgid, m.thread. The same seed and options always give the same
bytes; the first N of a longer corpus are the N of a shorter one.
"""

import argparse
import base64
import email.utils
import os
import quopri
import random
import sys
import textwrap
from collections import Counter, namedtuple

Message = namedtuple("Message", "raw flags date kind msgid thread")

EN = """the a of to and in is for on that with as it was at by we be this from are
have not or an your can our will you all please time meeting report invoice budget
project schedule server release draft review update question answer customer order
delivery account payment contract proposal minutes agenda travel hotel flight team
manager office colleague holiday weather garden bicycle kitchen recipe dinner school
children library music concert ticket museum train station morning evening tomorrow
yesterday week month quarter deadline change request issue patch branch commit build
failure success network database backup storage mailbox message folder archive search
filter address password login session certificate attached enclosed regards thanks
hello dear sincerely best wishes looking forward hearing know think believe suggest
agree discuss confirm cancel postpone remember forget send receive forward reply
number value table figure result measure average percent increase decrease total""".split()
DE = """der die das und ist nicht für über Straße Grüße können müssen schön größer
Prüfung Übergabe Rechnung Angebot Lieferung Besprechung morgen gestern Woche bitte
danke freundlich geehrte Kollegen ändern öffnen Schlüssel Bücher Zürich Köln""".split()
FR = """le la les un une et est pas déjà été réunion facture équipe où à côté très
élève garçon français problème connaître bientôt août Noël cœur merci beaucoup
cordialement pièce jointe prévu demain hier semaine""".split()
PL = """się nie jest że można zażółć gęślą jaźń spotkanie faktura umowa dziękuję
proszę załącznik wiadomość również później świetnie źródło łódź Kraków""".split()
RU = """и в не на что это письмо встреча счёт договор завтра вчера пожалуйста
спасибо вложение отчёт сервер проект неделя вопрос ответ Москва""".split()
JA = """会議 資料 報告 添付 確認 お願い 明日 昨日 来週 東京 大阪 予定 変更 連絡
ありがとう ください よろしく 契約 請求書 プロジェクト""".split()
ZH = """会议 报告 附件 确认 明天 昨天 下周 北京 上海 计划 更改 联系 谢谢 请 合同
发票 项目 服务器 邮件""".split()
HE = """שלום תודה בבקשה פגישה מחר אתמול שבוע דוח חשבונית פרויקט הודעה""".split()
EMOJI = ["🎉", "👍", "📎", "🚀", "☕", "😀", "✅"]

# name, words, charsets with weights
LANGS = [
    ("en", EN, [("us-ascii", 5), ("utf-8", 5), ("windows-1252", 1)], 66),
    ("de", DE, [("utf-8", 5), ("iso-8859-1", 3), ("iso-8859-15", 1)], 9),
    ("fr", FR, [("utf-8", 5), ("iso-8859-15", 2), ("windows-1252", 1)], 7),
    ("pl", PL, [("utf-8", 4), ("iso-8859-2", 1)], 3),
    ("ru", RU, [("utf-8", 3), ("koi8-r", 2), ("windows-1251", 1)], 5),
    ("ja", JA, [("utf-8", 2), ("iso-2022-jp", 2)], 5),
    ("zh", ZH, [("utf-8", 2), ("gb2312", 1), ("gb18030", 1)], 3),
    ("he", HE, [("utf-8", 2), ("windows-1255", 1)], 2),
]
PEOPLE = [
    ("Anna Müller", "anna.mueller"),
    ("John Smith", "jsmith"),
    ("O'Brien, Pat", "pat.obrien"),
    ("François Lefèvre", "f.lefevre"),
    ("Иван Петров", "ivan.petrov"),
    ("山田 太郎", "yamada"),
    ("Łukasz Żak", "lzak"),
    ("Maria Garcia", "maria"),
    ("王 小明", "wang.xm"),
    ("Priya Patel", "priya.patel"),
    ("Dr. Jane Doe (Sales)", "jane+sales"),
    ("", "noreply"),
    ('Support "24/7" Team', "support"),
    ("דנה כהן", "dana"),
    ("Chris van der Berg", "c.vanderberg"),
    ("Build Robot", "ci-bot"),
]
HOSTS = [
    "example.com",
    "example.org",
    "example.net",
    "mail.example.com",
    "lists.example.org",
    "corp.example",
    "sub.dept.example.edu",
]
MAILERS = [
    ("User-Agent", "Mozilla Thunderbird"),
    ("X-Mailer", "Apple Mail (2.3774.300.61.1.2)"),
    ("X-Mailer", "Microsoft Outlook 16.0"),
    ("User-Agent", "NeoMutt/20220429"),
    ("User-Agent", "Evolution 3.46.4"),
    ("X-Mailer", "iPhone Mail (20G75)"),
    None,
]
ATTACH = [
    ("application", "pdf", "pdf", b"%PDF-1.7\n"),
    ("image", "png", "png", b"\x89PNG\r\n\x1a\n"),
    ("image", "jpeg", "jpg", b"\xff\xd8\xff\xe0"),
    ("application", "zip", "zip", b"PK\x03\x04"),
    (
        "application",
        "vnd.openxmlformats-officedocument.wordprocessingml.document",
        "docx",
        b"PK\x03\x04",
    ),
    ("application", "octet-stream", "bin", b""),
]
KINDS = [
    ("plain", 30),
    ("flowed", 6),
    ("alternative", 27),
    ("attachment", 12),
    ("related", 7),
    ("list", 7),
    ("forward", 2),
    ("report", 2),
    ("calendar", 2),
    ("signed", 2),
    ("html", 2),
    ("odd", 1),
]
FLAGS = [
    ("\\Seen", 0.7),
    ("\\Answered", 0.2),
    ("\\Flagged", 0.06),
    ("\\Deleted", 0.01),
    ("\\Draft", 0.01),
    ("$Forwarded", 0.05),
    ("$Junk", 0.03),
]
EPOCH = 1577880000  # 2020-01-01T12:00Z


def weighted(rng, pairs):
    return rng.choices([p[0] for p in pairs], [p[-1] for p in pairs])[0]


def encoded_word(text, charset, how):
    """RFC 2047, in words of at most 75 characters; ASCII is left as it is."""
    if text.isascii() and charset != "iso-2022-jp":
        return text
    words, chunk = [], ""

    def enc(s):
        raw = s.encode(charset)
        if how == "b":
            body = base64.b64encode(raw).decode()
        else:
            body = "".join(
                chr(c)
                if chr(c).isalnum() and c < 128
                else "_"
                if c == 32
                else f"={c:02X}"
                for c in raw
            )
        return f"=?{charset}?{how}?{body}?="

    for ch in text:
        if chunk and len(enc(chunk + ch)) > 74:
            words.append(enc(chunk))
            chunk = ""
        chunk += ch
    words.append(enc(chunk))
    return "\r\n ".join(words)


def param(name, value):
    """A MIME parameter; RFC 2231 when the value needs it."""
    if value.isascii():
        return f'{name}="{value}"'
    raw = "".join(
        chr(c) if c < 128 and chr(c).isalnum() or c in b"._-" else f"%{c:02X}"
        for c in value.encode()
    )
    if len(raw) < 60:
        return f"{name}*=UTF-8''{raw}"
    parts, rest, n = [], raw, 0
    while rest:
        cut = 50
        while rest[cut - 1 : cut] == "%" or rest[cut - 2 : cut - 1] == "%":
            cut -= 1
        head = "UTF-8''" if n == 0 else ""
        parts.append(f"{name}*{n}*={head}{rest[:cut]}")
        rest, n = rest[cut:], n + 1
    return ";\r\n ".join(parts)


class Corpus:
    def __init__(self, seed=1, domain="example.test", large=0.002):
        self.rng = random.Random(seed)
        self.domain = domain
        self.large = large
        self.recent = []  # (msgid, references, subject, thread)
        self.now = EPOCH
        self.threads = 0

    # -- text
    def words(self, lang, count):
        pool = EN if lang[0] != "en" and self.rng.random() < 0.15 else lang[1]
        return self.rng.choices(pool, k=count)

    def sentence(self, lang):
        ws = self.words(lang, self.rng.randint(4, 18))
        sep = "" if lang[0] in ("ja", "zh") else " "
        s = sep.join(ws)
        return s[:1].upper() + s[1:] + ("。" if not sep else self.rng.choice("...?!"))

    def paragraph(self, lang):
        return " ".join(self.sentence(lang) for _ in range(self.rng.randint(1, 7)))

    def body_lines(self, lang, target):
        out, size = [], 0
        while size < target:
            p = self.paragraph(lang)
            r = self.rng.random()
            if r < 0.1:
                p = (
                    "https://www.example.com/"
                    + "/".join(self.words(LANGS[0], 3))
                    + f"?id={self.rng.randrange(10**9)}"
                )
                lines = [p]
            else:
                lines = textwrap.wrap(p, 72) or [p]
                if r < 0.25:
                    lines = ["> " + x for x in lines]
                elif r < 0.28:
                    lines = ["From " + lines[0]] + lines[1:]
                elif r < 0.31:
                    lines = ["." + lines[0]] + lines[1:]
            out += lines + [""]
            size += sum(map(len, lines))
        return out + ["-- ", self.rng.choice(PEOPLE)[0] or "noreply"]

    def pick_charset(self, lang):
        return weighted(self.rng, lang[2])

    def encode(self, text, charset):
        """-> charset name, transfer encoding, encoded bytes (CRLF)."""
        raw = text.encode(charset, "replace").replace(b"\n", b"\r\n")
        if raw.isascii() and charset != "utf-8":
            longest = max(map(len, raw.split(b"\r\n")))
            if longest < 900:
                return charset, "7bit", raw
        r = self.rng.random()
        if r < 0.35 and max(map(len, raw.split(b"\r\n"))) < 900:
            return charset, "7bit" if raw.isascii() else "8bit", raw
        if r < 0.75:
            qp = quopri.encodestring(raw.replace(b"\r\n", b"\n")).replace(
                b"\n", b"\r\n"
            )
            return charset, "quoted-printable", qp
        return charset, "base64", base64.encodebytes(raw).replace(b"\n", b"\r\n")

    def text_part(self, text, charset, subtype="plain", extra=""):
        charset, cte, raw = self.encode(text, charset)
        head = (
            f"Content-Type: text/{subtype}; charset={charset}{extra}\r\n"
            f"Content-Transfer-Encoding: {cte}\r\n"
        )
        return head.encode() + b"\r\n" + raw

    def html(self, lines, charset, cid=None):
        ps = "\n".join(
            f'<p style="margin:0 0 1em 0;font-family:Arial,sans-serif">{x}</p>'
            if x
            else "<br>"
            for x in lines
        )
        img = f'<img src="cid:{cid}" alt="logo">' if cid else ""
        return (
            f'<!DOCTYPE html>\n<html><head><meta http-equiv="Content-Type" '
            f'content="text/html; charset={charset}"><title>mail</title>'
            f"</head>\n<body>\n{ps}\n{img}</body></html>\n"
        )

    def attachment(self, size, lang, inline_cid=None):
        main, sub, ext, magic = self.rng.choice(ATTACH[1:3] if inline_cid else ATTACH)
        name = (
            "_".join(self.words(lang if self.rng.random() < 0.3 else LANGS[0], 3))
            + "."
            + ext
        )
        data = magic + self.rng.randbytes(max(64, size * 3 // 4))
        head = f"Content-Type: {main}/{sub};\r\n {param('name', name)}\r\n"
        if inline_cid:
            head += (
                f"Content-ID: <{inline_cid}>\r\nContent-Disposition: inline;\r\n "
                f"{param('filename', name)}\r\n"
            )
        else:
            head += (
                f"Content-Disposition: attachment;\r\n {param('filename', name)}\r\n"
            )
        head += "Content-Transfer-Encoding: base64\r\n"
        return (
            head.encode() + b"\r\n" + base64.encodebytes(data).replace(b"\n", b"\r\n")
        )

    def boundary(self):
        r = self.rng
        return r.choice(
            [
                f"----=_Part_{r.randrange(10**6)}_{r.randrange(10**9)}.{r.randrange(10**13)}",
                f"000000000000{r.randbytes(8).hex()}",
                f"Apple-Mail=_{r.randbytes(16).hex().upper()}",
                f"_{r.randrange(1000):03d}_{r.randbytes(10).hex()}exampleorg_",
            ]
        )

    def multipart(self, subtype, parts, extra=""):
        b = self.boundary()
        head = (
            f'Content-Type: multipart/{subtype};\r\n boundary="{b}"{extra}\r\n'.encode()
        )
        pre = (
            b"This is a multi-part message in MIME format.\r\n"
            if self.rng.random() < 0.4
            else b""
        )
        out = [head, b"\r\n", pre]
        for p in parts:
            if not p.endswith(b"\r\n"):
                p += b"\r\n"
            out.append(b"--" + b.encode() + b"\r\n" + p)
        out.append(b"--" + b.encode() + b"--\r\n")
        return b"".join(out)

    # -- headers
    def person(self, charset, how, local_to=False):
        name, local = self.rng.choice(PEOPLE)
        host = self.domain if local_to else self.rng.choice(HOSTS)
        addr = f"{local}@{host}"
        if not name:
            return addr, addr
        if not name.isascii():
            try:
                name.encode(charset)
            except UnicodeEncodeError:
                charset = "utf-8"
            return encoded_word(name, charset, how) + f" <{addr}>", addr
        if any(c in name for c in '"(),.@'):
            name = '"' + name.replace('"', '\\"') + '"'
        return f"{name} <{addr}>", addr

    def received(self, addr, date, hops):
        out = []
        for i in range(hops):
            t = email.utils.formatdate(date - 2 * i)
            r = self.rng
            ip = f"192.0.2.{r.randrange(256)}"
            out.append(
                f"Received: from {r.choice(HOSTS)} (mail{i}.example.net [{ip}])\r\n"
                f"\tby mx{i}.{self.domain} (Postfix) with ESMTPS id {r.randbytes(5).hex().upper()}\r\n"
                f"\t(version=TLSv1.3 cipher=TLS_AES_256_GCM_SHA384 bits=256/256)\r\n"
                f"\tfor <user1@{self.domain}>; {t} (UTC)"
            )
        return out

    def message(self):
        r = self.rng
        lang = weighted(r, [(x, x[3]) for x in LANGS])
        charset = self.pick_charset(lang)
        how = r.choice("bq")
        kind = weighted(r, KINDS)
        self.now += r.randrange(20, 7200)
        date = self.now
        zone = r.choice([0, 60, 120, -300, -480, 540, 330])
        msgid = f"<{r.randbytes(9).hex()}.{date}@{r.choice(HOSTS)}>"
        parent = None
        if self.recent and r.random() < 0.55:
            parent = self.recent[-1 - int(len(self.recent) * r.random() ** 2)]
        if parent:
            base = parent[2]
            subject = base if base.startswith("Re: ") else "Re: " + base
            refs, thread = (parent[1] + [parent[0]])[-12:], parent[3]
        else:
            sep = "" if lang[0] in ("ja", "zh") else " "
            subject = sep.join(self.words(lang, r.randint(2, 9))).capitalize()
            if r.random() < 0.06:
                subject += " " + r.choice(EMOJI)
            if r.random() < 0.1:
                subject = (
                    f"[{r.choice(['dev', 'announce', 'ticket #%d' % r.randrange(9999)])}] "
                    + subject
                )
            self.threads += 1
            refs, thread = [], self.threads
        self.recent = (self.recent + [(msgid, refs, subject, thread)])[-200:]

        frm, addr = self.person(charset, how)
        head = [f"Return-Path: <{addr}>", f"Delivered-To: user1@{self.domain}"]
        head += self.received(addr, date, r.randint(1, 5))
        if r.random() < 0.6:
            sig = textwrap.fill(
                base64.b64encode(r.randbytes(256)).decode(),
                70,
                initial_indent="\t b=",
                subsequent_indent="\t ",
            ).replace("\n", "\r\n")
            head.append(
                f"Authentication-Results: mx.{self.domain};\r\n\tdkim=pass header.d="
                f"{addr.split('@')[1]};\r\n\tspf=pass smtp.mailfrom={addr}"
            )
            head.append(
                f"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n"
                f"\td={addr.split('@')[1]}; s=s{r.randrange(2020, 2025)};\r\n"
                f"\th=from:to:subject:date:message-id; bh={base64.b64encode(r.randbytes(32)).decode()};\r\n"
                + sig
            )
        head.append("From: " + frm)
        tos = [
            self.person(charset, how, True)[0]
            for _ in range(r.choice([1, 1, 1, 2, 3, 8]))
        ]
        head.append("To: " + ",\r\n\t".join(tos))
        if r.random() < 0.25:
            head.append(
                "Cc: "
                + ", ".join(
                    self.person(charset, how)[0] for _ in range(r.randint(1, 3))
                )
            )
        try:
            subject.encode(charset)
            sub_charset = charset
        except UnicodeEncodeError:
            sub_charset = "utf-8"
        head.append("Subject: " + encoded_word(subject, sub_charset, how))
        head.append(
            "Date: "
            + email.utils.formatdate(date).replace(
                "-0000", "%+03d%02d" % (int(zone / 60), abs(zone) % 60)
            )
        )
        head.append("Message-ID: " + msgid)
        if refs:
            head.append("In-Reply-To: " + refs[-1])
            head.append("References: " + "\r\n ".join(refs))
        if r.random() < 0.1:
            head.append("Reply-To: " + self.person(charset, how)[0])
        mailer = r.choice(MAILERS)
        if mailer:
            head.append(": ".join(mailer))
        if r.random() < 0.05:
            head.append("Importance: high\r\nX-Priority: 1")

        target = int(min(50000, 900 * (1 + r.expovariate(0.25))))
        lines = self.body_lines(
            lang, target // (3 if kind in ("alternative", "related") else 1)
        )
        text = "\n".join(lines) + "\n"
        if charset == "us-ascii" and not text.isascii():
            charset = "utf-8"
        big = r.random() < self.large
        if big:
            kind = "attachment"
        if kind == "flowed":
            body = self.text_part(
                "\n".join(x + " " if x and x != "-- " else x for x in lines) + "\n",
                charset,
                extra="; format=flowed; delsp=yes",
            )
        elif kind == "html":
            body = self.text_part(self.html(lines, charset), charset, "html")
        elif kind == "alternative":
            body = self.multipart(
                "alternative",
                [
                    self.text_part(text, charset),
                    self.text_part(self.html(lines, charset), charset, "html"),
                ],
            )
        elif kind == "related":
            cid = f"{r.randbytes(6).hex()}@{r.choice(HOSTS)}"
            rel = self.multipart(
                "related",
                [
                    self.text_part(self.html(lines, charset, cid), charset, "html"),
                    self.attachment(r.randint(2000, 20000), lang, cid),
                ],
                ';\r\n type="text/html"',
            )
            body = self.multipart("alternative", [self.text_part(text, charset), rel])
        elif kind == "attachment":
            size = r.randint(10**6, 4 * 10**6) if big else r.randint(5000, 45000)
            inner = (
                self.multipart(
                    "alternative",
                    [
                        self.text_part(text, charset),
                        self.text_part(self.html(lines, charset), charset, "html"),
                    ],
                )
                if r.random() < 0.5
                else self.text_part(text, charset)
            )
            parts = [inner] + [
                self.attachment(size // (k + 1), lang)
                for k in range(1 if big else r.choice([1, 1, 2, 3]))
            ]
            body = self.multipart("mixed", parts)
        elif kind == "list":
            name = r.choice(["dev", "users", "announce"])
            head += [
                f"List-Id: <{name}.lists.example.org>",
                f"List-Post: <mailto:{name}@lists.example.org>",
                f"List-Unsubscribe: <https://lists.example.org/{name}>,\r\n"
                f" <mailto:{name}-request@lists.example.org?subject=unsubscribe>",
                f"Sender: {name}-bounces@lists.example.org",
                "Precedence: list",
            ]
            body = self.text_part(text + "_" * 47 + f"\n{name} mailing list\n", charset)
        elif kind == "forward":
            inner = (
                f"From: {self.person('utf-8', 'q')[0]}\r\nTo: {addr}\r\n"
                f"Subject: {encoded_word(self.sentence(lang), 'utf-8', 'b')}\r\n"
                f"Date: {email.utils.formatdate(date - 86400)}\r\n"
                f"Message-ID: <{r.randbytes(8).hex()}@{r.choice(HOSTS)}>\r\n"
                "MIME-Version: 1.0\r\n"
            ).encode()
            inner += self.text_part(self.paragraph(lang) + "\n", "utf-8")
            body = self.multipart(
                "mixed",
                [
                    self.text_part(text, charset),
                    b"Content-Type: message/rfc822\r\n"
                    b"Content-Disposition: attachment\r\n\r\n" + inner,
                ],
            )
        elif kind == "report":
            status = (
                f"Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.{self.domain}\r\n"
                f"Arrival-Date: {email.utils.formatdate(date)}\r\n\r\n"
                f"Final-Recipient: rfc822; gone@{r.choice(HOSTS)}\r\nAction: failed\r\n"
                "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n"
            ).encode()
            body = self.multipart(
                "report",
                [
                    self.text_part(
                        "I'm sorry to have to inform you that your message could not\n"
                        "be delivered to one or more recipients.\n",
                        "us-ascii",
                    ),
                    status,
                    f"Content-Type: text/rfc822-headers\r\n\r\nSubject: {self.threads}\r\nTo: gone\r\n".encode(),
                ],
                ";\r\n report-type=delivery-status",
            )
        elif kind == "calendar":
            stamp = f"2024{r.randint(1, 12):02d}{r.randint(1, 28):02d}T{r.randint(8, 17):02d}0000Z"
            ics = (
                f"BEGIN:VCALENDAR\nVERSION:2.0\nMETHOD:REQUEST\nBEGIN:VEVENT\nUID:{r.randbytes(8).hex()}\n"
                f"DTSTART:{stamp}\nDURATION:PT1H\nSUMMARY:{subject}\nORGANIZER:mailto:{addr}\n"
                "END:VEVENT\nEND:VCALENDAR\n"
            )
            body = self.multipart(
                "alternative",
                [
                    self.text_part(text, charset),
                    self.text_part(ics, "utf-8", "calendar", "; method=REQUEST"),
                ],
            )
        elif kind == "signed":
            sig = base64.encodebytes(r.randbytes(400)).replace(b"\n", b"\r\n")
            body = self.multipart(
                "signed",
                [
                    self.text_part(text, charset),
                    b'Content-Type: application/pgp-signature; name="signature.asc"\r\n\r\n'
                    b"-----BEGIN PGP SIGNATURE-----\r\n\r\n"
                    + sig
                    + b"-----END PGP SIGNATURE-----\r\n",
                ],
                ';\r\n micalg=pgp-sha512; protocol="application/pgp-signature"',
            )
        elif kind == "odd":
            body = self.odd(head, text, lang)
        else:
            body = self.text_part(text, charset)
        if kind != "odd":
            head.append("MIME-Version: 1.0")
        raw = "\r\n".join(head).encode("utf-8", "surrogateescape") + b"\r\n" + body
        flags = [f for f, p in FLAGS if r.random() < p]
        return Message(raw, flags, date, kind, msgid, thread)

    def odd(self, head, text, lang):
        """What real mailboxes also hold: old, sloppy or broken messages."""
        r = self.rng
        which = r.randrange(8)
        drop = {0: "Message-ID:", 1: "Date:", 2: "From:"}.get(which)
        if drop:
            head[:] = [h for h in head if not h.startswith(drop)]
        if which == 3:
            head.append("Subject: second subject, Latin-1 \udcfcber raw")
        if which == 4:
            return (
                b"Content-Type: multipart/mixed; boundary=never\r\n\r\n"
                + text.encode()[:400]
                + b"\r\n"
            )
        if which == 5:
            return self.multipart("mixed", [self.text_part(text, "utf-8")])[:-30]
        if which == 6:
            return b"Content-Type: text\r\nContent-Transfer-Encoding: base64\r\n\r\n!!not base64!!\r\n"
        if which == 7:
            return b"X-Long: " + b"x" * 1800 + b"\r\n\r\n" + b"y" * 3000 + b"\r\n"
        return b"\r\n" + text.replace("\n", "\r\n").encode("ascii", "replace")

    def messages(self, count):
        for _ in range(count):
            yield self.message()


def main():
    ap = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    ap.add_argument("count", type=int)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--domain", default="example.test")
    ap.add_argument("--large", type=float, default=0.002)
    ap.add_argument("--lf", action="store_true")
    to = ap.add_mutually_exclusive_group(required=True)
    to.add_argument("--maildir")
    to.add_argument("--mbox")
    to.add_argument("--eml")
    to.add_argument("--stats", action="store_true")
    a = ap.parse_args()

    kinds, sizes, threads, out = Counter(), [], set(), None
    letters = {
        "\\Seen": "S",
        "\\Answered": "R",
        "\\Flagged": "F",
        "\\Deleted": "T",
        "\\Draft": "D",
    }
    if a.maildir:
        for sub in ("cur", "new", "tmp"):
            os.makedirs(os.path.join(a.maildir, sub), exist_ok=True)
    elif a.eml:
        os.makedirs(a.eml, exist_ok=True)
    elif a.mbox:
        out = open(a.mbox, "wb")
    for n, m in enumerate(Corpus(a.seed, a.domain, a.large).messages(a.count), 1):
        kinds[m.kind] += 1
        sizes.append(len(m.raw))
        threads.add(m.thread)
        raw = m.raw.replace(b"\r\n", b"\n") if a.lf or a.mbox else m.raw
        if out:
            lines = raw.split(b"\n")
            quoted = [
                b">" + x if x.lstrip(b">").startswith(b"From ") else x for x in lines
            ]
            stamp = __import__("time").asctime(__import__("time").gmtime(m.date))
            out.write(
                f"From sender@example.com {stamp}\n".encode()
                + b"\n".join(quoted)
                + b"\n"
            )
        elif a.eml:
            with open(os.path.join(a.eml, f"{n:06d}.eml"), "wb") as f:
                f.write(raw)
        elif a.maildir:
            info = "".join(sorted(letters[f] for f in m.flags if f in letters))
            path = os.path.join(
                a.maildir, "cur", f"{m.date}.M{n}P1Q{n}.corpus,S={len(raw)}:2,{info}"
            )
            with open(path, "wb") as f:
                f.write(raw)
            os.utime(path, (m.date, m.date))
    if out:
        out.close()
    sizes.sort()
    if sizes:
        print(
            f"messages={len(sizes)} bytes={sum(sizes)} mean={sum(sizes) // len(sizes)} "
            f"median={sizes[len(sizes) // 2]} p95={sizes[len(sizes) * 95 // 100]} max={sizes[-1]} "
            f"threads={len(threads)} "
            + " ".join(f"{k}={v}" for k, v in sorted(kinds.items())),
            file=sys.stderr,
        )


if __name__ == "__main__":
    main()
