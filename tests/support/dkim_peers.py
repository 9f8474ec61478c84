"""OpenDKIM and Mail::DKIM over many messages at once, with keys in a file."""

import re
import subprocess
from pathlib import Path

PERL = r"""
use strict; use warnings;
use Net::DNS; use Mail::DKIM::Verifier; use Mail::DKIM::Signer; use Mail::DKIM::DNS;
package Zone;
sub new {
    my ($class, $file) = @_; my %t; open(my $f, '<', $file) or die;
    while (<$f>) { chomp; my ($n, $r) = split / /, $_, 2; $t{lc $n} = $r; }
    return bless \%t, $class;
}
sub send {
    my ($self, $name, $type) = @_;
    my $p = Net::DNS::Packet->new($name, $type); my $r = $self->{lc $name};
    if (!defined $r) { $p->header->rcode('NXDOMAIN'); return $p; }
    my @s = unpack('(A250)*', $r);
    $p->push(answer => Net::DNS::RR->new(
        name => $name, type => 'TXT', ttl => 60, txtdata => \@s));
    return $p;
}
sub errorstring { 'NOERROR' }
package main;
my ($verb, $keys, @rest) = @ARGV;
my ($domain, $selector, $pem, $method) = splice(@rest, 0, 4) if $verb eq 'sign';
Mail::DKIM::DNS::resolver(Zone->new($keys)) if $verb eq 'verify';
for my $file (@rest) {
    open(my $f, '<:raw', $file) or die; my $octets = do { local $/; <$f> };
    my $dkim = $verb eq 'verify' ? Mail::DKIM::Verifier->new()
        : Mail::DKIM::Signer->new(Algorithm => 'rsa-sha256', Method => $method,
            Domain => $domain, Selector => $selector, KeyFile => $pem);
    $dkim->PRINT($octets); $dkim->CLOSE;
    if ($verb eq 'verify') {
        print join(' ', map { $_->result } $dkim->signatures), "\n";
    } else {
        my $text = $dkim->signature->as_string; $text =~ s/\r?\n/\r\n/g;
        open(my $out, '>:raw', "$file.signed") or die;
        print $out $text, "\r\n", $octets; close($out);
    }
}
"""

_STANZA = re.compile(r"hvalue='(.*?)'\n", re.DOTALL)
_RESULT = re.compile(r"\tdkim=(\w+)")
_SIGNED = re.compile(
    rb"^opendkim: [^\n]*:\n(DKIM-Signature:.*?[^\r])\n", re.MULTILINE | re.DOTALL
)


class Peers:
    """Other implementations, working in ``folder``."""

    def __init__(self, folder, *pairs):
        self.folder = Path(folder)
        self.folder.mkdir(parents=True)
        keys = "".join(f"{pair.name} {pair.record.decode()}\n" for pair in pairs)
        (self.folder / "keys").write_text(keys)
        (self.folder / "key.pem").write_bytes(pairs[0].pem)
        (self.folder / "key.pem").chmod(0o600)
        self.pair = pairs[0]

    def _files(self, messages):
        names = []
        for number, octets in enumerate(messages):
            (self.folder / f"{number}.eml").write_bytes(octets)
            names.append(f"{number}.eml")
        return names

    def _run(self, *arguments):
        done = subprocess.run(
            arguments, cwd=self.folder, capture_output=True, timeout=120, check=False
        )
        return done.stdout

    def _opendkim(self, settings, messages):
        (self.folder / "conf").write_text(settings)
        names = self._files(messages)
        return self._run("opendkim", "-x", "conf", "-v", "-v", "-t", ",".join(names))

    def opendkim(self, messages):
        """Give the results of each message's signatures."""
        settings = f"TestPublicKeys {self.folder.resolve()}/keys\nMode v\n"
        out = self._opendkim(settings, messages).decode("utf-8", "replace")
        return [_RESULT.findall(stanza) for stanza in _STANZA.findall(out)]

    def opendkim_signed(self, messages, canon):
        """Sign each message."""
        settings = (
            f"Mode s\nDomain {self.pair.domain}\nSelector {self.pair.selector}\n"
            f"KeyFile {self.folder.resolve()}/key.pem\nRequireSafeKeys no\n"
            f"SignatureAlgorithm rsa-sha256\nCanonicalization {canon}\n"
            "OversignHeaders From,Subject\nInternalHosts 0.0.0.0/0\n"
        )
        (self.folder / "conf").write_text(settings)
        names = ",".join(self._files(messages))
        out = self._run("opendkim", "-x", "conf", "-t", names) + b"\n"
        fields = _SIGNED.findall(out)
        return [
            field + b"\r\n" + octets
            for field, octets in zip(fields, messages, strict=True)
        ]

    def perl(self, messages):
        """Give the results of each message's signatures."""
        names = self._files(messages)
        out = self._run("perl", "-e", PERL, "verify", "keys", *names)
        return [line.split() for line in out.decode().splitlines()]

    def perl_signed(self, messages, canon):
        """Sign each message."""
        names = self._files(messages)
        pair = self.pair
        self._run(
            *("perl", "-e", PERL, "sign", "keys"),
            *(pair.domain, pair.selector, "key.pem", canon, *names),
        )
        return [(self.folder / f"{name}.signed").read_bytes() for name in names]
