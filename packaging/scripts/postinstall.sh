#!/bin/sh
# After the package is unpacked: the user of the mail server, and the folder of its
# file. The server itself is neither enabled nor started; docs/mta.md says how.
set -e
if command -v systemd-sysusers >/dev/null; then
  systemd-sysusers maildoctor.conf
  install -d -m 750 -g maildoctor /etc/maildoctor
fi
if [ -d /run/systemd/system ]; then
  systemctl daemon-reload
fi
