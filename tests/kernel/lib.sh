# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scripts of tests/kernel share: messages, the cache directory, a
# temporary directory and children that are gone on every exit path, and the
# reading of a test machine's verdict. Sourced, never run; bash only.
#
# Before editing: every script here runs with set -euo pipefail and calls
# kt_init first. kt_init owns the EXIT trap, so register clean-up work with
# kt_at_exit and never with trap.

KT_SELF=${0##*/}
KT_HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
KT_SKIP=77
KT_CLEANUPS=()

kt_note() { echo "$KT_SELF: $*" >&2; }
kt_die() { kt_note "$@"; exit 1; }
kt_usage() { kt_note "$@"; echo "Try '$KT_SELF -h'." >&2; exit 2; }
# What cannot be had here is a skip with a reason, not a failure.
kt_skip() { kt_note "skipped: $*"; exit "$KT_SKIP"; }

kt_need() {
	local c
	for c; do
		command -v "$c" >/dev/null 2>&1 ||
			kt_skip "no $c here (see tests/kernel/packages)"
	done
}

# kt_help FILE: the comment block between the marks is the help text.
kt_help() { sed -n '/^# Usage:/,/^$/{s/^# \{0,1\}//;p}' "$1"; }

kt_cache() {
	local base=${KSM_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}}

	mkdir -p "$base/ksm-utils"
	(cd "$base/ksm-utils" && pwd)
}

# kt_at_exit WORDS...: run when the script ends, last registered first.
kt_at_exit() { KT_CLEANUPS+=("$*"); }

kt_exit() {
	local rc=$? i

	trap - EXIT ERR
	trap '' HUP INT TERM
	set +e
	for ((i = ${#KT_CLEANUPS[@]} - 1; i >= 0; i--)); do
		eval "${KT_CLEANUPS[i]}"
	done
	exit "$rc"
}

kt_init() {
	trap kt_exit EXIT
	# set -e alone ends a script without a word.
	set -E
	trap 'kt_note "failed in line $LINENO: $BASH_COMMAND"' ERR
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	export LC_ALL=C
	umask 022
}

# kt_tmp VAR [DIR]: a temporary directory (below DIR), removed at exit.
kt_tmp() {
	local d

	d=$(mktemp -d "${2:-${TMPDIR:-/tmp}}/ksm-test.XXXXXX")
	kt_at_exit "rm -rf '$d'"
	printf -v "$1" %s "$d"
}

# kt_stop PID: end a child of ours that leads a process group (setsid), and all
# that is left of the group.
kt_stop() {
	local i

	kill -TERM "$1" 2>/dev/null
	for ((i = 0; i < 300; i++)); do
		kill -0 "$1" 2>/dev/null || break
		sleep 0.1
	done
	kill -KILL -- "-$1" 2>/dev/null
	wait "$1" 2>/dev/null
	return 0
}

# kt_run COMMAND...: as COMMAND alone, but a signal that ends this script does so
# now, and ends the command too: bash lets a trap wait for what runs in front.
KT_CHILD=
kt_child_stop() { [ -z "$KT_CHILD" ] || kt_stop "$KT_CHILD"; }
kt_run() {
	local rc=0

	[ -n "${KT_RUNS-}" ] || kt_at_exit kt_child_stop
	KT_RUNS=1
	setsid "$@" </dev/null &
	KT_CHILD=$!
	wait "$KT_CHILD" || rc=$?
	KT_CHILD=
	return "$rc"
}

# kt_lock FD FILE: FD is open on FILE; wait until nobody else has it locked.
kt_lock() {
	flock -n "$1" && return
	kt_note "waiting for $2"
	kt_run flock "$1"
}

# The address that this machine's own Debian sources name, so that a mirror
# configured by the owner is the one used.
kt_mirror() {
	apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' |
		awk '$1 ~ /\/debian\/?$/ { print $1; exit }'
}

# kt_suites SUITE...: have apt know these suites of Debian and nothing else, through
# a directory of its own in the cache. Sets APT_CONFIG; the system's sources are not
# touched. Returns 1 where the suites cannot be read.
kt_suites() {
	local dir uri suite fd rc=0
	local key=/usr/share/keyrings/debian-archive-keyring.gpg

	dir=$(kt_cache)/apt-$(echo "$*" | tr ' ' +)
	uri=$(kt_mirror)
	[ -n "$uri" ] || return 1
	mkdir -p "$dir"/{state/lists/partial,cache/archives/partial}
	exec {fd}>"$dir/lock"
	kt_lock "$fd" "$dir/lock"
	for suite; do
		echo "deb [arch=amd64 signed-by=$key] $uri $suite main"
	done >"$dir/sources.list.new"
	# Backports ask not to be chosen by themselves; here the highest wins.
	printf 'Package: *\nPin: release *\nPin-Priority: 500\n' >"$dir/preferences"
	cat >"$dir/apt.conf" <<-CONF
		Dir::State "$dir/state";
		Dir::State::status "/dev/null";
		Dir::Cache "$dir/cache";
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::Etc::Preferences "$dir/preferences";
		Dir::Etc::PreferencesParts "/dev/null";
		APT::Architecture "amd64";
		APT::Sandbox::User "root";
		Acquire::Languages "none";
	CONF
	export APT_CONFIG=$dir/apt.conf
	if ! cmp -s "$dir/sources.list.new" "$dir/sources.list" ||
	   [ -z "$(find "$dir/stamp" -mtime -1 2>/dev/null)" ]; then
		mv "$dir/sources.list.new" "$dir/sources.list"
		if apt-get -q -o APT::Update::Error-Mode=any update >"$dir/log" 2>&1; then
			touch "$dir/stamp"
		else
			kt_note "$* cannot be read from $uri: $(grep -m1 '^[EW]:' "$dir/log" || :)"
			[ -e "$dir/stamp" ] || rc=1
		fi
	fi
	exec {fd}>&-
	return "$rc"
}

# kt_verdict TAPFILE NONCE STATUS HOW KERNELLOG: judge one run of a test machine,
# whose program ended with STATUS, in words HOW. The machine's own word counts
# only if it carries this run's nonce and says the same as the lines before it,
# and if the program did not end badly after it. Sets KT_PASS KT_FAIL KT_SKIPPED;
# returns 0 only for a machine that finished and had no failure.
kt_verdict() {
	local tap=$1 nonce=$2 status=$3 how=$4 log=$5 line word pass fail skip why=

	KT_PASS=$(grep -c '^ok ' "$tap" || :)
	KT_SKIPPED=$(grep -c '^ok .* # SKIP' "$tap" || :)
	KT_FAIL=$(grep -c '^not ok ' "$tap" || :)
	KT_PASS=$((KT_PASS - KT_SKIPPED))
	line=$(grep -a "^VERDICT $nonce " "$tap" | tail -n 1 || :)
	read -r _ _ word pass fail skip <<<"$line" || :
	if [ -z "$line" ]; then
		why="no verdict: the machine ended ($how) before its tests did"
	elif [ "$pass $fail $skip" != "$KT_PASS $KT_FAIL $KT_SKIPPED" ]; then
		why="the verdict ($pass $fail $skip) and the lines before it ($KT_PASS $KT_FAIL $KT_SKIPPED) disagree"
	elif [ "$((KT_PASS + KT_FAIL + KT_SKIPPED))" -eq 0 ]; then
		why="no test ran"
	elif [ "$word" != pass ] && [ "$KT_FAIL" -eq 0 ]; then
		why="the machine says $word, and no line says why"
	elif [ "$status" -ne 0 ] && [ "$KT_FAIL" -eq 0 ]; then
		why="after its tests the machine ended badly ($how)"
	fi
	if [ -n "$why" ]; then
		KT_FAIL=$((KT_FAIL + 1))
		echo "not ok - $why"
		echo "# last lines of $log:"
		tail -n 25 "$log" 2>/dev/null | tr -cd '\11\12\40-\176' | sed 's/^/# | /'
	fi
	[ "$KT_FAIL" -eq 0 ]
}
