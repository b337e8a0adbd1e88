# SPDX-License-Identifier: GPL-2.0-or-later
#
# root.bash - a fresh root of a suite of Debian, for the scripts beside it.
# shellcheck shell=bash
#
# Wants: root, a directory that is not there; it is gone when the caller removes it, as
# nothing stays mounted.
#
# Environment: MIRROR  for debootstrap (http://deb.debian.org/debian)
#              ROOT    a root to copy, made before by debootstrap

export LC_ALL=C DEBIAN_FRONTEND=noninteractive

# root_make SUITE: fills $root. A suite that cannot be had is no failure of ours.
root_make() {
	local log=$root.log

	if [ -n "${ROOT-}" ]; then
		cp -a "$ROOT" "$root"
	elif ! debootstrap --variant=minbase "$1" "$root" \
		"${MIRROR:-http://deb.debian.org/debian}" >"$log" 2>&1; then
		tail -n 5 "$log" >&2
		echo "1..0 # SKIP $1 cannot be had"
		exit 77
	fi
	rm -f "$log"
}

# in_root COMMAND...: with namespaces of its own, so that mounts and processes end with it.
# Where the caller keeps temporary files is no directory there.
in_root() {
	env -u TMPDIR unshare -mpf --kill-child --propagation private bash -c '
		mount -t proc proc "$0/proc"
		mount -t devpts -o newinstance,ptmxmode=0666 devpts "$0/dev/pts"
		exec chroot "$0" "$@"' "$root" "$@" </dev/null
}

in_apt() { in_root apt-get -q -y "$@"; }

# Points of TAP so far, and whether one of them is bad.
number=0 bad=0

# ok NAME COMMAND...: one point of TAP. What the command prints is kept in $log where the
# caller has one, and told when it fails.
ok() {
	local name=$1 out rc=0

	shift
	number=$((number + 1))
	out=$("$@" 2>&1) || rc=$?
	[ -z "${log-}" ] || echo "$out" >>"$log"
	if [ "$rc" -eq 0 ]; then
		echo "ok $number - $name"
	else
		echo "not ok $number - $name"
		{ grep -A12 '^not ok' <<<"$out" || tail -n 15 <<<"$out"; } | sed -n '1,60s/^/# /p'
		bad=1
	fi
}
