# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the two scripts at the top, quickstart and check, share: which Debian
# packages building takes, installing what is missing, building out of tree,
# and processes that are gone when the script is. Sourced, never run.
#
# Before editing: the scripts run with set -euo pipefail, and own the EXIT trap.

SU_SELF=${0##*/}
SU_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# shellcheck disable=SC2034 # for those who source this
SU_BUILD_PACKAGES=(autoconf automake gcc libc6-dev libinih-dev libmnl-dev libncurses-dev
	libsmartcols-dev libsystemd-dev libxxhash-dev make pkg-config)

su_note() { echo "$SU_SELF: $*"; }
su_warn() { echo "$SU_SELF: $*" >&2; }
su_die() { su_warn "$@"; exit 1; }
su_usage() { su_warn "$@"; echo "Try './$SU_SELF --help'." >&2; exit 2; }
# The comment block that begins with "Usage:" is the help text.
su_help() { sed -n '/^# Usage:/,/^$/{s/^# \{0,1\}//;p}' "$0"; }
su_root() { [ "$(id -u)" -eq 0 ]; }

# su_missing PACKAGE...: those that are not installed, one a line.
su_missing() {
	local p

	for p; do
		# With a foreign architecture there may be two of one name.
		[[ " $(dpkg-query -W -f '${db:Status-Status} ' "$p" 2>/dev/null)" == \
			*" installed "* ]] || echo "$p"
	done
}

# su_packages FILE: the package names of a list with # comments.
su_packages() { sed 's/#.*//; s/[[:space:]]//g; /^$/d' "$1"; }

su_apt() {
	DEBIAN_FRONTEND=noninteractive apt-get -q -y \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

# su_known PACKAGE...: apt could install each of them.
su_known() {
	local p policy

	for p; do
		policy=$(apt-cache policy "$p" 2>/dev/null)
		[[ $policy == *"  Candidate: "[!\(]* ]] || return 1
	done
}

# su_install [-o] LOG WHAT PACKAGE...: install what is missing and say so. Returns
# 1, having said why, when something is missing and cannot be installed. With -o
# a package that this system's apt does not know is named and left out.
su_install() {
	local log what missing lacking='' p optional=

	[ "$1" != -o ] || { optional=1; shift; }
	log=$1 what=$2
	shift 2
	if ! command -v dpkg-query >/dev/null; then
		su_warn "no dpkg-query: this is not Debian; what $what takes, by" \
			"its Debian names:"
		echo "$*" | fold -s -w 76 | sed 's/^/    /' >&2
		return 0
	fi
	mapfile -t missing < <(su_missing "$@")
	[ ${#missing[@]} -gt 0 ] || return 0
	if ! su_root; then
		su_warn "packages missing for $what (root: apt-get install ...):"
		echo "${missing[*]}" | fold -s -w 76 | sed 's/^/    /' >&2
		return 1
	fi
	su_note "installing ${#missing[@]} missing packages for $what (apt-get):"
	echo "${missing[*]}" | fold -s -w 76 | sed 's/^/    /'
	: >"$log"
	# An image without package lists knows no package at all.
	if ! su_known "${missing[@]}"; then
		su_apt update >>"$log" 2>&1 || :
	fi
	if [ -n "$optional" ] && ! su_known "${missing[@]}"; then
		set -- "${missing[@]}"
		missing=()
		for p; do
			if su_known "$p"; then missing+=("$p"); else lacking+=" $p"; fi
		done
		su_note "not known to apt here, left out:$lacking"
		[ ${#missing[@]} -gt 0 ] || return 0
	fi
	if ! su_apt install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
		# Lists older than the mirror name files that are gone.
		su_apt update >>"$log" 2>&1 || :
		if ! su_apt install --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
			su_warn "apt-get install failed (log: $log):"
			grep '^[EW]:' "$log" | tail -n 8 >&2 || tail -n 8 "$log" >&2
			return 1
		fi
	fi
	mapfile -t missing < <(su_missing "$@")
	[ ${#missing[@]} -eq 0 ] || {
		su_warn "still missing after apt-get: ${missing[*]}"
		return 1
	}
}

# su_configure_script: make or renew ./configure.
su_configure_script() {
	local f old=

	[ ! -e "$SU_TOP/config.status" ] || {
		su_warn "the source tree is itself configured; run 'make distclean' first"
		return 1
	}
	for f in configure Makefile.in config.h.in; do
		[ -e "$SU_TOP/$f" ] || old=1
	done
	[ ! "$SU_TOP/configure.ac" -nt "$SU_TOP/configure" ] || old=1
	[ ! "$SU_TOP/Makefile.am" -nt "$SU_TOP/Makefile.in" ] || old=1
	[ -z "$old" ] || (cd "$SU_TOP" && autoreconf -fi)
}

# su_configure DIR [ARG...]: configure in DIR, unless it is so already.
su_configure() {
	local dir=$1

	shift
	su_configure_script || return 1
	mkdir -p "$dir"
	if [ -e "$dir/Makefile" ] && [ "$dir/Makefile" -nt "$SU_TOP/configure" ] &&
	   [ "$(cat "$dir/configured-with" 2>/dev/null)" = "$*" ]; then
		return 0
	fi
	rm -f "$dir/configured-with"
	(cd "$dir" && "$SU_TOP/configure" "$@") || return 1
	echo "$*" >"$dir/configured-with"
}

# su_seconds NANOSECONDS-BEGIN: "12.3", the seconds since then.
su_now() { date +%s%N; }
su_since() {
	local ms=$((($(su_now) - $1) / 1000000))

	printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}

# su_stop PID: end a process group that this script began, and wait for it.
su_stop() {
	local i

	if kill -TERM -- "-$1" 2>/dev/null; then
		for ((i = 0; i < 50; i++)); do
			kill -0 -- "-$1" 2>/dev/null || break
			sleep 0.1
		done
		kill -KILL -- "-$1" 2>/dev/null || :
	fi
	wait "$1" 2>/dev/null || :
}
