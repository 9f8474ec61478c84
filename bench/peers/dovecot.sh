#!/bin/sh
# A throw-away Dovecot 2.3 on loopback, in a folder of its own.
#
# usage: dovecot.sh start [DIR]   write DIR's config, start, print DIR on stdout
#        dovecot.sh stop DIR      stop the instance that lives in DIR
#        dovecot.sh pid DIR       print its master pid
#        dovecot.sh rss DIR       print its pid count and summed RSS/PSS in KiB
#
# DIR defaults to a new mktemp folder. Users user1..userN@DOMAIN (also plain
# userN), Maildir under DIR/mail/DOMAIN/userN/Maildir. Needs Debian's
# dovecot-core, -imapd, -pop3d, -lmtpd.
#
# environment: HOST 127.0.0.1, IMAP_PORT 10143, POP3_PORT 10110,
#   LMTP_PORT 10024, DOMAIN example.test, USERS 20,
#   PASSWORD secret, FSYNC optimized (mail_fsync: optimized|always|never),
#   VUID 5000 (owner of the mail when started by root), HIBERNATE 0 (seconds)
set -eu

HOST=${HOST:-127.0.0.1}
IMAP_PORT=${IMAP_PORT:-10143}
POP3_PORT=${POP3_PORT:-10110}
LMTP_PORT=${LMTP_PORT:-10024}
DOMAIN=${DOMAIN:-example.test}
USERS=${USERS:-20}
PASSWORD=${PASSWORD:-secret}
FSYNC=${FSYNC:-optimized}
VUID=${VUID:-5000}
HIBERNATE=${HIBERNATE:-0}

usage() { sed -n '2,18s/^# \{0,1\}//p' "$0" >&2; exit 2; }

tree() { # pids of the process $1 and all below it
    for c in $(ps -o pid= --ppid "${1:?pid}"); do tree "$c"; done
    echo "$1"
}

write_config() {
    dir=$1
    if [ "$(id -u)" = 0 ]; then
        uid=$VUID gid=$VUID login=dovenull internal=dovecot group=dovecot
    else
        uid=$(id -u) gid=$(id -g) login=$(id -un) internal=$(id -un) group=$(id -gn)
    fi
    mkdir -p "$dir/run" "$dir/state" "$dir/log" "$dir/mail/$DOMAIN"
    chmod 755 "$dir" "$dir/mail" "$dir/mail/$DOMAIN" "$dir/run"
    : > "$dir/users"
    n=1
    while [ "$n" -le "$USERS" ]; do
        home=$dir/mail/$DOMAIN/user$n
        mkdir -p "$home"
        for name in "user$n@$DOMAIN" "user$n"; do
            echo "$name:{PLAIN}$PASSWORD:$uid:$gid::$home::" >> "$dir/users"
        done
        n=$((n + 1))
    done
    [ "$(id -u)" != 0 ] || chown -R "$uid:$gid" "$dir/mail"
    chmod 644 "$dir/users"
    cat > "$dir/dovecot.conf" <<CONF
base_dir = $dir/run
state_dir = $dir/state
log_path = $dir/log/dovecot.log
instance_name = bench-$(basename "$dir")
protocols = imap pop3 lmtp
listen = $HOST
ssl = no
disable_plaintext_auth = no
auth_mechanisms = plain login
default_login_user = $login
default_internal_user = $internal
default_internal_group = $group
first_valid_uid = 1
mail_location = maildir:~/Maildir
mail_fsync = $FSYNC
mail_max_userip_connections = 4000
imap_hibernate_timeout = $HIBERNATE
recipient_delimiter = +
postmaster_address = postmaster@$DOMAIN
default_client_limit = 16000
passdb {
  driver = passwd-file
  args = scheme=PLAIN username_format=%u $dir/users
}
userdb {
  driver = passwd-file
  args = username_format=%u $dir/users
}
namespace inbox {
  inbox = yes
  separator = /
  mailbox Drafts {
    special_use = \Drafts
  }
  mailbox Sent {
    special_use = \Sent
  }
  mailbox Trash {
    special_use = \Trash
  }
  mailbox Junk {
    special_use = \Junk
  }
}
service imap-login {
  service_count = 0
  process_limit = 4
  process_min_avail = 1
  chroot =
  inet_listener imap {
    address = $HOST
    port = $IMAP_PORT
  }
  inet_listener imaps {
    port = 0
  }
}
service imap {
  process_limit = 2500
}
service pop3-login {
  service_count = 0
  process_limit = 4
  chroot =
  inet_listener pop3 {
    address = $HOST
    port = $POP3_PORT
  }
  inet_listener pop3s {
    port = 0
  }
}
service pop3 {
  process_limit = 500
}
service lmtp {
  inet_listener lmtp {
    address = $HOST
    port = $LMTP_PORT
  }
}
service auth {
  unix_listener auth-postfix {
    mode = 0666
  }
}
service stats {
  client_limit = 20000
}
CONF
    if [ "$(id -u)" != 0 ]; then
        echo 'service anvil {
  chroot =
}' >> "$dir/dovecot.conf"
    fi
}

cmd=${1:-}
case $cmd in
start)
    dir=${2:-$(mktemp -d)}
    mkdir -p "$dir"
    dir=$(cd "$dir" && pwd)
    write_config "$dir"
    ulimit -n 65536 2>/dev/null || ulimit -n "$(ulimit -Hn)"
    # into a file: the daemon would hold the caller's pipe open
    PATH=$PATH:/usr/sbin dovecot -c "$dir/dovecot.conf" > "$dir/log/start.log" 2>&1 ||
        { cat "$dir/log/start.log" >&2; exit 1; }
    i=0
    until python3 -c "import socket; socket.create_connection(('$HOST', $IMAP_PORT), 1)" 2>/dev/null; do
        i=$((i + 1))
        [ "$i" -lt 50 ] || { echo "dovecot did not open $IMAP_PORT" >&2; exit 1; }
        sleep 0.1
    done
    echo "$dir"
    ;;
stop)
    dir=${2:?DIR}
    pid=$(cat "$dir/run/master.pid")
    kill "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    ;;
pid)
    cat "${2:?DIR}/run/master.pid"
    ;;
rss)
    pids=$(tree "$(cat "${2:?DIR}/run/master.pid")")
    for p in $pids; do cat "/proc/$p/smaps_rollup" 2>/dev/null || :; done |
        awk '/^Rss:/ {n++; r += $2} /^Pss:/ {p += $2}
             END {print "processes=" n, "rss_kib=" r, "pss_kib=" p}'
    ;;
*)
    usage
    ;;
esac
