# shellcheck shell=sh disable=SC2034,SC2154,SC3045
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a shell case (t-NAME.sh, run by busybox's sh) is made of; sourced first:
#	. "${0%/*}/case.sh"
# The script then runs under help-guard, which puts every KSM setting back, with
# the built tools on PATH, in a directory of its own that is removed at the end.
#
# Before editing: variables are shared with the case; what a function here uses
# for itself begins with the function's name. A case may be ended at any line, so
# nothing may need to be undone by the script, but its directory and children.

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
	end_rc=$?
	trap - EXIT
	for end_pid in $holds; do
		kill -KILL "$end_pid" 2>/dev/null
	done
	cd / && rm -rf "$work"
	if [ "$end_rc" -ne 0 ] && [ "$bad" -eq 0 ]; then
		exit "$end_rc"
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

# The preload library beside the built tool, which is not installed.
tool=$(command -v ksm-advise || :)
if [ -n "$tool" ] && [ -e "${tool%/*}/libksm-advise-preload.so" ]; then
	export KSM_ADVISE_PRELOAD="${tool%/*}/libksm-advise-preload.so"
fi

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
	uname -r | awk -F '[.-]' -v major="$1" -v minor="$2" \
		'{ exit !($1 > major || ($1 == major && $2 + 0 >= minor)) }'
}

# Whether PR_SET_MEMORY_MERGE exists (6.4), and is inherited by exec (6.7).
has_prctl() { version_at_least 6 4; }
keeps_over_exec() { version_at_least 6 7; }

# User-Mode Linux cannot be asked for another process's registers as a set.
has_injection() { ! grep -q '^vendor_id.*User Mode' /proc/cpuinfo; }

# hear NAME: sets answer to the next line a help-hold says; empty when it has
# ended, or says nothing for minutes. From a file: a pipe is emptied byte by byte
# by a read that has a time limit, and what it had got by then is lost.
hear() {
	answer=
	hear_tries=0
	eval "shell_pid=\$hold_$1 hear_line=\$((heard_$1 + 1))"
	while [ "$(wc -l <"$1.out")" -lt "$hear_line" ]; do
		hear_tries=$((hear_tries + 1))
		# Looked at last, as it may have spoken and ended since.
		case $(sed 's/.*) \(.\).*/\1/' "/proc/$shell_pid/stat" 2>/dev/null) in
		"" | Z) [ "$(wc -l <"$1.out")" -ge "$hear_line" ] || return ;;
		esac
		[ $hear_tries -lt 10000 ] || return
		sleep 0.02
	done
	eval "heard_$1=$hear_line"
	answer=$(sed -n "${hear_line}p" "$1.out")
}

# hold NAME COMMAND...: starts a help-hold, in whatever wrapping; sets pid. When
# it does not get ready, pid is empty, and what it complained of is told.
hold() {
	hold_name=$1
	shift
	mkfifo "$hold_name.in" && : >"$hold_name.out" || exit 1
	"$@" <>"$hold_name.in" >>"$hold_name.out" 2>"$hold_name.err" &
	eval "hold_$hold_name=$! heard_$hold_name=0"
	holds="$holds $!"
	hear "$hold_name"
	pid=${answer#ready }
	if [ "$answer" != "ready $pid" ]; then
		pid=
		sed "s/^/# $hold_name: /" "$hold_name.err"
	fi
}

# ask NAME WORD: sets answer, which is empty when none comes.
ask() {
	echo "$2" 1<>"$1.in"
	hear "$1"
}

# end NAME: it quits; sets rc to its exit status.
end() {
	echo quit 1<>"$1.in"
	eval "shell_pid=\$hold_$1"
	rc=0
	wait "$shell_pid" || rc=$?
	rm -f "$1.in" "$1.out"
}
