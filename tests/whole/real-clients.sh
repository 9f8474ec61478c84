#!/bin/bash
# A realistic scenario with every real mail client on this machine, against
# a server on loopback. EVERYTHING in both accounts' INBOX is deleted.
#
# usage: real-clients.sh HOST IMAPPORT POP3PORT SMTPPORT SUBMISSIONPORT USER PASS
# environment: USER2 (default: USER with user1 -> user2) and PASS2 (PASS),
#   whom Bcc goes to; ONLY="mbsync curl" runs some; KEEP=1 keeps the work folder;
#   TIMEOUT 60 seconds a client
# Debian packages: swaks msmtp curl isync offlineimap3 getmail6 fetchmail neomutt
#   (python3 is used to look at the result)
# Prints "PASS|FAIL client: what it did"; the log's end on FAIL; closing line
# "N passed, N failed"; exit status 1 on any FAIL. A missing client is a FAIL.
set -u
[ $# -eq 7 ] || { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }
HOST=$1 IMAP=$2 POP3=$3 SMTP=$4 SUBMISSION=$5 USER=$6 PASS=$7
USER2=${USER2:-${USER/user1/user2}} PASS2=${PASS2:-$PASS}
TIMEOUT=${TIMEOUT:-60}
work=$(mktemp -d)
[ "${KEEP:-}" ] && echo "work folder: $work" || trap 'rm -rf "$work"' EXIT
export HOST IMAP POP3 SMTP SUBMISSION USER PASS USER2 PASS2 HOME=$work TERM=xterm-256color
export XDG_CONFIG_HOME=$work/.config XDG_DATA_HOME=$work/.local/share
mkdir -p "$XDG_CONFIG_HOME" "$XDG_DATA_HOME"
export token
stamp=$(date +%s)$$

# peek CMD...: look at the server with the standard library
cat > "$work/peek.py" <<'PY'
"""count [BOX] | wait TOKEN [SECONDS] | flags TOKEN | text TOKEN | clean |
append TOKEN   -- PEEK_USER/PEEK_PASS override the account"""
import imaplib, os, sys, time
e = os.environ
imaplib._MAXLINE = 10**8
M = imaplib.IMAP4(e["HOST"], int(e["IMAP"]))
M.login(e.get("PEEK_USER", e["USER"]), e.get("PEEK_PASS", e["PASS"]))
cmd, arg = sys.argv[1], (sys.argv[2:] + [""])[0]
M.select(arg if cmd == "count" and arg else "INBOX")
def find(token):
    return M.uid("SEARCH", "HEADER", "Subject", '"%s"' % token)[1][0].split()
if cmd == "count":
    print(len(M.search(None, "ALL")[1][0].split()))
elif cmd == "wait":
    end = time.time() + float((sys.argv[3:] + ["20"])[0])
    while not find(arg):
        if time.time() > end:
            sys.exit("%s did not arrive" % arg)
        time.sleep(0.2)
        M.noop()
elif cmd == "flags":
    for u in find(arg):
        print(M.uid("FETCH", u, "(FLAGS)")[1][0].decode())
elif cmd == "text":
    for u in find(arg):
        print(M.uid("FETCH", u, "(BODY.PEEK[])")[1][0][1].decode("utf-8", "replace"))
elif cmd == "clean":
    if M.search(None, "ALL")[1][0]:
        M.store("1:*", "+FLAGS.SILENT", "(\\Deleted)")
        M.expunge()
elif cmd == "append":
    raw = ("From: Ann <ann@example.org>\r\nTo: %s\r\nSubject: %s =?utf-8?q?gr=C3=BC=C3=9Fe?=\r\n"
           "Date: Mon, 1 Jan 2024 10:00:00 +0000\r\nMessage-ID: <%s@example.org>\r\nMIME-Version: 1.0\r\n"
           "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
           "line one\r\n.dot line\r\nFrom line\r\ngr\u00fc\u00dfe %s\r\n" % (e["USER"], arg, arg, arg)).encode()
    assert M.append("INBOX", None, None, raw)[0] == "OK"
M.logout()
PY
peek() { python3 "$work/peek.py" "$@"; }
is() { [ "$1" = "$2" ] || { echo "expected '$2', got '$1': ${3:-}"; return 1; }; }
files() { find "$1" -path '*/cur/*' -o -path '*/new/*' | grep -c . ; }
crlf() { sed 's/$/\r/'; }
export -f peek is files crlf
export work

c_swaks() { # submission with an attachment, two recipients' forms
    local auth=()
    printf 'attached %s\n' "$token" > "$work/a.txt"
    auth=(--auth PLAIN,LOGIN --auth-user "$USER" --auth-password "$PASS")
    swaks --server "$HOST:$SUBMISSION" "${auth[@]}" --from "$USER" --to "$USER" \
        --header "Subject: $token" --body 'hello from swaks
.leading dot' --attach @"$work/a.txt" || return 1
    peek wait "$token" || return 1
    peek text "$token" | grep -q '^\.leading dot' || { echo "dot stuffing broke the text"; return 1; }
}

c_msmtp() { # -t with To and Bcc
    cat > "$work/msmtprc" <<RC
account default
host $HOST
port $SUBMISSION
tls off
auth plain
user $USER
password $PASS
from $USER
RC
    chmod 600 "$work/msmtprc"
    printf 'From: %s\nTo: %s\nBcc: %s\nSubject: %s\n\nhello from msmtp\n' "$USER" "$USER" "$USER2" "$token" |
        msmtp -C "$work/msmtprc" -t || return 1
    peek wait "$token" || return 1
    ! peek text "$token" | grep -qi '^bcc:' || { echo "Bcc was delivered"; return 1; }
}

c_python() { # smtplib, imaplib, poplib of the standard library
    python3 - <<'PY'
import imaplib, os, poplib, smtplib, time
from email.message import EmailMessage
e, t = os.environ, os.environ["token"]
m = EmailMessage()
m["From"], m["To"], m["Subject"] = e["USER"], e["USER"], t + " grüße"
m.set_content("plain ünï")
m.add_alternative("<p>html</p>", subtype="html")
s = smtplib.SMTP(e["HOST"], int(e["SUBMISSION"]))
s.login(e["USER"], e["PASS"])
s.send_message(m)
s.quit()
for _ in range(100):
    p = poplib.POP3(e["HOST"], int(e["POP3"]))
    p.user(e["USER"]); p.pass_(e["PASS"])
    found = [n for n in range(1, p.stat()[0] + 1) if t.encode() in b"\n".join(p.top(n, 0)[1])]
    if found:
        break
    p.quit()
    time.sleep(.2)
assert len(found) == 1, "not in POP3"
assert len(set(p.uidl()[1])) == p.stat()[0]
p.quit()
i = imaplib.IMAP4(e["HOST"], int(e["IMAP"]))
i.login(e["USER"], e["PASS"])
i.select("INBOX")
u = i.uid("SEARCH", "SUBJECT", '"%s"' % t)[1][0].split()
assert len(u) == 1, u
print(i.uid("FETCH", u[0], "(ENVELOPE BODYSTRUCTURE)")[1])
i.uid("STORE", u[0], "+FLAGS", "(\\Deleted)")
i.expunge()
assert not i.uid("SEARCH", "SUBJECT", '"%s"' % t)[1][0]
i.logout()
PY
}

c_curl() { # imap: LIST, append, search, fetch; pop3: list, RETR; smtp
    local url="imap://$HOST:$IMAP" up=(-sS --user "$USER:$PASS" --max-time 20)
    curl "${up[@]}" "$url" | tee /dev/stderr | grep -qi 'inbox' || { echo "no INBOX in LIST"; return 1; }
    printf 'From: a@example.org\nTo: %s\nSubject: %s\n\nhello from curl\n' "$USER" "$token" | crlf > "$work/c.eml"
    curl "${up[@]}" -T "$work/c.eml" "$url/INBOX" || return 1
    n=$(curl "${up[@]}" "$url/INBOX?SUBJECT%20$token" | tr -dc '0-9 ' | tr -d ' ')
    [ "$n" ] || { echo "SEARCH found nothing"; return 1; }
    curl "${up[@]}" "$url/INBOX;MAILINDEX=$n" > "$work/c.out" || return 1
    cmp "$work/c.eml" "$work/c.out" || return 1
    curl "${up[@]}" "$url/INBOX;MAILINDEX=$n;SECTION=HEADER.FIELDS%20(SUBJECT)" | grep -q "$token" || return 1
    last=$(curl "${up[@]}" "pop3://$HOST:$POP3/" | grep -c .)
    curl "${up[@]}" "pop3://$HOST:$POP3/$last" | grep -q "$token" || { echo "POP3 RETR $last"; return 1; }
    sed "s/$token/${token}s/" "$work/c.eml" > "$work/c2.eml"
    curl -sS --max-time 20 "smtp://$HOST:$SMTP" --mail-from a@example.org --mail-rcpt "$USER" -T "$work/c2.eml" || return 1
    peek wait "${token}s" || return 1
    sed "s/$token/${token}a/; s/a@example.org/$USER/" "$work/c.eml" > "$work/c3.eml"
    curl "${up[@]}" "smtp://$HOST:$SUBMISSION" --mail-from "$USER" --mail-rcpt "$USER" -T "$work/c3.eml" || return 1
    peek wait "${token}a" || return 1
}

c_mbsync() { # pull; push flags and a new message; expunge; no-op
    local d=$work/mbsync
    mkdir -p "$d/mail"
    cat > "$d/rc" <<RC
IMAPAccount a
Host $HOST
Port $IMAP
User $USER
Pass $PASS
SSLType None
AuthMechs LOGIN PLAIN

IMAPStore far
Account a

MaildirStore near
Path $d/mail/
Inbox $d/mail/INBOX
SubFolders Verbatim

Channel c
Far :far:
Near :near:
Patterns INBOX
Create Both
Expunge Both
SyncState *
RC
    for i in 1 2 3; do peek append "$token-$i" || return 1; done
    total=$(peek count)
    mbsync -V -c "$d/rc" -a || return 1
    is "$(files "$d/mail/INBOX")" "$total" "messages pulled" || return 1
    local one two
    one=$(grep -rl "Subject: $token-1" "$d/mail/INBOX" | head -1)
    two=$(grep -rl "Subject: $token-2" "$d/mail/INBOX" | head -1)
    mv "$one" "$d/mail/INBOX/cur/$(basename "${one%%:2,*}"):2,FS"
    mv "$two" "$d/mail/INBOX/cur/$(basename "${two%%:2,*}"):2,ST"
    printf 'From: a@example.org\nSubject: %s-local\nMessage-ID: <%s.l@example.org>\n\nwritten locally\n' \
        "$token" "$token" > "$d/mail/INBOX/new/1700000000.$$_1.local"
    mbsync -V -c "$d/rc" -a || return 1
    peek flags "$token-1" | grep -q 'Flagged.*Seen\|Seen.*Flagged' || { echo "flags were not pushed"; return 1; }
    is "$(peek flags "$token-2")" "" "expunged message" || return 1
    peek wait "$token-local" 2 || return 1
    is "$(peek count)" "$total" "3 pulled - 1 expunged + 1 pushed" || return 1
    find "$d/mail" -type f -path '*INBOX*' ! -name '.*' | sort > "$d/before"
    mbsync -V -c "$d/rc" -a > "$d/noop" 2>&1 || { cat "$d/noop"; return 1; }
    find "$d/mail" -type f -path '*INBOX*' ! -name '.*' | sort > "$d/after"
    cmp "$d/before" "$d/after" && ! grep -qE '[+*#][1-9]' "$d/noop" || { cat "$d/noop"; echo "not a no-op"; return 1; }
}

c_offlineimap() { # the same with offlineimap
    local d=$work/offlineimap
    mkdir -p "$d/mail" "$d/meta"
    cat > "$d/rc" <<RC
[general]
accounts = a
metadata = $d/meta
[Account a]
localrepository = l
remoterepository = r
[Repository l]
type = Maildir
localfolders = $d/mail
[Repository r]
type = IMAP
remotehost = $HOST
remoteport = $IMAP
remoteuser = $USER
remotepass = $PASS
ssl = no
starttls = no
auth_mechanisms = LOGIN, PLAIN
folderfilter = lambda name: name == 'INBOX'
RC
    for i in 1 2; do peek append "$token-$i" || return 1; done
    total=$(peek count)
    offlineimap -o -c "$d/rc" -u basic || return 1
    is "$(files "$d/mail/INBOX")" "$total" "messages pulled" || return 1
    local one
    one=$(grep -rl "Subject: $token-1" "$d/mail/INBOX" | head -1)
    mv "$one" "$d/mail/INBOX/cur/$(basename "${one%%:2,*}"):2,FS"
    printf 'From: a@example.org\nDate: Mon, 1 Jan 2024 10:00:00 +0000\nSubject: %s-local\nMessage-ID: <%s.o@example.org>\n\nwritten locally\n' \
        "$token" "$token" > "$d/mail/INBOX/new/1700000000.$$_2.local"
    offlineimap -o -c "$d/rc" -u basic || return 1
    peek flags "$token-1" | grep -q 'Flagged.*Seen\|Seen.*Flagged' || { echo "flags were not pushed"; return 1; }
    peek wait "$token-local" 2 || return 1
    find "$d/mail" -type f | sort > "$d/before"
    offlineimap -o -c "$d/rc" -u basic || return 1
    find "$d/mail" -type f | sort > "$d/after"
    cmp "$d/before" "$d/after" || return 1
    is "$(peek count)" "$((total + 1))" "messages at the end"
}

c_getmail() { # POP3: all, then again nothing new, then with delete
    local d=$work/getmail
    mkdir -p "$d"/mail/new
    printf '#!/bin/sh\ncat > "%s/mail/new/$(date +%%s%%N).$$"\n' "$d" > "$d/deliver"
    chmod 755 "$d/deliver"
    cat > "$d/getmailrc" <<RC
[retriever]
type = SimplePOP3Retriever
server = $HOST
port = $POP3
username = $USER
password = $PASS
[destination]
type = MDA_external
path = $d/deliver
allow_root_commands = true
[options]
read_all = false
delete = false
RC
    for i in 1 2; do peek append "$token-$i" || return 1; done
    total=$(peek count)
    getmail --getmaildir "$d" || return 1
    is "$(files "$d/mail")" "$total" "retrieved" || return 1
    getmail --getmaildir "$d" || return 1
    is "$(files "$d/mail")" "$total" "UIDL kept them apart" || return 1
    sed -i 's/delete = false/delete = true/' "$d/getmailrc"
    getmail --getmaildir "$d" || return 1
    is "$(peek count)" 0 "left on the server" || return 1
    grep -rl "$token-2" "$d/mail" > /dev/null
}

c_fetchmail() { # POP3 with UIDL, delivered to a file, deleted on the server
    local d=$work/fetchmail
    mkdir -p "$d"
    for i in 1 2; do peek append "$token-$i" || return 1; done
    total=$(peek count)
    cat > "$d/rc" <<RC
poll $HOST protocol POP3 port $POP3 auth password
  user "$USER" password "$PASS" sslproto ''
  mda "cat >> $d/mbox; echo >> $d/mbox"
  fetchall nokeep
RC
    chmod 600 "$d/rc"
    fetchmail -f "$d/rc" --pidfile "$d/pid" --nosyslog -v || return 1
    is "$(grep -c "^Subject: $token" "$d/mbox")" 2 "messages in the file" || return 1
    grep -q '^\.dot line' "$d/mbox" || { echo "dot stuffing"; return 1; }
    is "$(peek count)" 0 "left of $total on the server"
}

c_fetchmail_imap() { # the same over IMAP
    local d=$work/fetchmail-imap
    mkdir -p "$d"
    for i in 1 2; do peek append "$token-$i" || return 1; done
    cat > "$d/rc" <<RC
poll $HOST protocol IMAP port $IMAP auth password
  user "$USER" password "$PASS" sslproto ''
  mda "cat >> $d/mbox; echo >> $d/mbox"
  fetchall nokeep
RC
    chmod 600 "$d/rc"
    fetchmail -f "$d/rc" --pidfile "$d/pid" --nosyslog -v || return 1
    is "$(grep -c "^Subject: $token" "$d/mbox")" 2 "messages in the file" || return 1
    is "$(peek count)" 0 "left on the server"
}

c_neomutt() { # send through SMTP, read and tag over IMAP, in a pty
    local d=$work/neomutt
    mkdir -p "$d"
    cat > "$d/rc" <<RC
set imap_user="$USER" imap_pass="$PASS" smtp_pass="$PASS"
set ssl_starttls=no ssl_force_tls=no imap_authenticators="login:plain" smtp_authenticators="plain"
set from="$USER" realname="Neo Mutt" copy=no header_cache="$d/hc" message_cachedir="$d/mc"
set wait_key=no confirmappend=no quit=yes delete=yes mail_check=5 sort=mailbox-order
set pipe_decode=no spoolfile="imap://$HOST:$IMAP/INBOX" folder="imap://$HOST:$IMAP/"
RC
    echo "set smtp_url=\"smtp://${USER/@/%40}@$HOST:$SUBMISSION/\"" >> "$d/rc"
    echo "text ünï" > "$d/attach.txt"
    echo "hello from neomutt" | neomutt -n -F "$d/rc" -s "$token-sent" -a "$d/attach.txt" -- "$USER" || return 1
    peek wait "$token-sent" || return 1
    peek append "$token-read" || return 1
    timeout 30 script -qec "neomutt -n -F '$d/rc' -f 'imap://$HOST:$IMAP/INBOX' \
        -e 'push \"<limit>~s $token-read<enter><first-entry><flag-message><pipe-message>cat > $d/out<enter><delete-message><limit>all<enter><quit>\"'" \
        /dev/null > "$d/tty" 2>&1 < /dev/null
    grep -q "grüße $token-read" "$d/out" || { cat -v "$d/tty" | tail -5; echo "nothing was read"; return 1; }
    is "$(peek flags "$token-read")" "" "deleted by neomutt"
}

passed=0 failed=0
run() { # run NAME FUNCTION PROGRAM
    local name=$1 fn=$2 prog=$3 rc
    [ -z "${ONLY:-}" ] || case " $ONLY " in *" $name "*) ;; *) return ;; esac
    command -v "$prog" > /dev/null || { echo "FAIL $name: $prog is not installed"; failed=$((failed + 1)); return; }
    token=t$stamp$RANDOM
    export -f "$fn"
    peek clean > "$work/$name.log" 2>&1
    local start=$SECONDS
    timeout "$TIMEOUT" bash -c "$fn" >> "$work/$name.log" 2>&1 < /dev/null
    rc=$?
    case $rc in
    0) echo "PASS $name ($((SECONDS - start)) s)"; passed=$((passed + 1)) ;;
    *) echo "FAIL $name (status $rc)"; tail -15 "$work/$name.log" | sed 's/^/    /'; failed=$((failed + 1)) ;;
    esac
}
run swaks c_swaks swaks
run msmtp c_msmtp msmtp
run python-stdlib c_python python3
run curl c_curl curl
run mbsync c_mbsync mbsync
run offlineimap c_offlineimap offlineimap
run neomutt c_neomutt neomutt
run getmail c_getmail getmail
run fetchmail c_fetchmail fetchmail
run fetchmail-imap c_fetchmail_imap fetchmail
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
