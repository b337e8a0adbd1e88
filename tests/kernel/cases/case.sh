# shellcheck shell=sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a shell case (t-NAME.sh, run by busybox's sh) is made of; sourced first:
#	. "${0%/*}/case.sh"
# The script then runs under help-guard, which puts every KSM setting back, with
# the built tools on PATH, in a directory of its own that is removed at the end.
#
# Before editing: a case may be ended at any line, so nothing here may need to be
# undone by the script, but for its directory and its children.

set -u
CASE_DIR=$(cd "${0%/*}" && pwd)
KSM=/sys/kernel/mm/ksm

if [ -z "${CASE_GUARDED-}" ]; then
	if [ ! -e "$KSM/run" ]; then
		echo "1..0 # SKIP this kernel has no KSM"
		exit 77
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "1..0 # SKIP needs root"
		exit 77
	fi
	was_run=$(cat "$KSM/run")
	if [ "$was_run" = 1 ] || [ "$(cat "$KSM/pages_shared")" != 0 ]; then
		export CASE_OTHERS=1
	fi
	exec "$CASE_DIR/help-guard" "$CASE_DIR/${0##*/}"
fi

n=0 bad=0 holds=
work=$(mktemp -d "${TMPDIR:-/tmp}/ksm-case.XXXXXX")
# Not a part of what is tested: programs started here are not to inherit it.
unset CASE_GUARDED

case_end() {
	rc=$?
	trap - EXIT
	for h in $holds; do
		kill -KILL "$h" 2>/dev/null
	done
	rm -rf "$work"
	if [ "$rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
		exit "$rc"
	fi
	[ "$bad" -eq 0 ] || exit 1
	exit 0
}
trap case_end EXIT
trap 'exit 143' TERM INT HUP
cd "$work" || exit 1

# Every case ends with this.
plan() { echo "1..$n"; }

skip_all() {
	echo "1..0 # SKIP $*"
	exit 77
}

skip() {
	n=$((n + 1))
	echo "ok $n # SKIP $*"
}

# point STATUS TEXT
point() {
	n=$((n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $n - $2"
	else
		bad=$((bad + 1))
		echo "not ok $n - $2"
	fi
	return "$1"
}

# is GOT WANT TEXT
is() {
	if [ "$1" = "$2" ]; then
		point 0 "$3"
	else
		point 1 "$3: got '$1', want '$2'"
	fi
}

# run COMMAND...: sets rc, and the files out and err.
run() {
	rc=0
	"$@" >out 2>err </dev/null || rc=$?
}

# told: what the last run said, as notes.
told() {
	sed 's/^/# out: /' out
	sed 's/^/# err: /' err
}

# want STATUS TEXT: the last run ended with that status.
want() {
	if [ "$rc" -eq "$1" ]; then
		point 0 "$2"
	else
		point 1 "$2: exit status $rc, want $1" || told
	fi
}

# says REGEX TEXT, warns REGEX TEXT: what the last run said, and complained of.
says() {
	if grep -Eq -- "$1" out; then
		point 0 "$2"
	else
		point 1 "$2: no /$1/" || told
	fi
}
warns() {
	if grep -Eq -- "$1" err; then
		point 0 "$2"
	else
		point 1 "$2: no /$1/" || told
	fi
}

knob() { sed 's/.*\[\(.*\)\].*/\1/' "$KSM/$1"; }
has() { [ -e "$KSM/$1" ]; }
set_knob() { echo "$2" >"$KSM/$1"; }

# The scanner on and fast, as case_start() of C cases.
scan_fast() {
	! has advisor_mode || set_knob advisor_mode none
	! has smart_scan || set_knob smart_scan 0
	! has use_zero_pages || set_knob use_zero_pages 0
	set_knob pages_to_scan 10000
	set_knob sleep_millisecs 1
	set_knob run 1
}

# others: somebody else on this machine uses KSM (never in a test machine).
others() { [ -n "${CASE_OTHERS-}" ]; }

need_tool() {
	command -v "$1" >/dev/null || skip_all "$1 is not built"
}

# version_at_least MAJOR MINOR
version_at_least() {
	v=$(uname -r)
	major=${v%%.*}
	v=${v#*.}
	minor=${v%%[!0-9]*}
	[ "$major" -gt "$1" ] || { [ "$major" -eq "$1" ] && [ "$minor" -ge "$2" ]; }
}

# Whether PR_SET_MEMORY_MERGE exists (6.4), and is inherited by exec (6.7).
has_prctl() { version_at_least 6 4; }
keeps_over_exec() { version_at_least 6 7; }

# hold NAME COMMAND...: starts a help-hold, in whatever wrapping; sets pid. When
# it does not get ready, pid is empty.
hold() {
	name=$1
	shift
	mkfifo "$name.in" "$name.out"
	"$@" <>"$name.in" 1<>"$name.out" 2>"$name.err" &
	shell_pid=$!
	holds="$holds $shell_pid"
	answer=
	read -r -t 120 answer <>"$name.out"
	pid=${answer#ready }
	[ "$answer" = "ready $pid" ] || pid=
	eval "hold_$name=$shell_pid"
}

# ask NAME WORD: sets answer, which is empty when none comes.
ask() {
	answer=
	echo "$2" 1<>"$1.in"
	read -r -t 200 answer <>"$1.out"
}

# end NAME: it quits; sets rc to its exit status.
end() {
	echo quit 1<>"$1.in"
	eval "shell_pid=\$hold_$1"
	rc=0
	wait "$shell_pid" || rc=$?
	rm -f "$1.in" "$1.out"
}
