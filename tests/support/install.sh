#!/usr/bin/env bash
# Installs Debian packages that are not here yet; for root. Tests run side by side and apt's update waits for nobody, so
# one waits for the other here. The packages start no services of their own.
#
#   tests/support/install.sh PACKAGE...
set -euo pipefail
exec 9> "${TMPDIR:-/tmp}/p2w-install.lock"
flock 9
dpkg -s "$@" > /dev/null 2>&1 && exit
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\nexit 101\n' > $policy
  chmod +x $policy
fi
apt-get update -qq 9>&-
DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" 9>&-
