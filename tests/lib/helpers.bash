# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# helpers.bash - what every bats file loads first:
#
#	load ../lib/helpers
#
#	setup() { use_root 6.12-busy; }
#
#	@test "set: a value out of range changes nothing" {
#		expect 1 ksmctl -s "$ROOT" set run 7
#		stdout_is ""
#		stderr_is "ksmctl: run: 7 is out of range (0 to 2)"
#		file_is sys/kernel/mm/ksm/run 1
#	}
#
# Tests run from the build tree ("make check") or by hand ("bats tests/cli", with
# KSM_BUILDDIR naming a build tree elsewhere).  The sources may be read-only.

bats_require_minimum_version 1.5.0

KSM_SRCDIR=${KSM_SRCDIR:-$(cd "${BASH_SOURCE[0]%/*}/../.." && pwd)}
KSM_BUILDDIR=${KSM_BUILDDIR:-$KSM_SRCDIR}
KSM_DATA=${KSM_DATA:-$KSM_SRCDIR/tests/data}
KSM_EXPECTED=${KSM_EXPECTED:-$KSM_SRCDIR/tests/expected}

# Without directories that may not be searched, which make "not there" a "not permitted".
usable_path() {
	local dir all=$KSM_BUILDDIR

	local IFS=:
	for dir in $PATH; do
		[[ ! -x $dir || :$all: == *:$dir:* ]] || all+=:$dir
	done
	PATH=$all
}
usable_path

# The same words, widths and colours on every machine.
export KSM_SRCDIR KSM_BUILDDIR PATH
export LC_ALL=C TZ=UTC COLUMNS=80 NO_COLOR=1 TERM=dumb
unset KSM_DEBUG LANG LANGUAGE

fail() {
	printf '%s\n' "$@" >&2
	return 1
}

# bats notes the place of every command before it runs, to tell where a test failed,
# and each process that a test forks does so again: half of what such a process costs.
# Since bash 5 the trap for errors knows the place by itself.  Both functions are of
# bats-core (lib/bats-core/tracing.bash); where it has others, nothing changes.
if ((BASH_VERSINFO[0] >= 5)) && declare -F bats_debug_trap bats_error_trap \
	bats_check_status_from_trap bats_capture_stack_trace >/dev/null; then
	bats_debug_trap() { trap - DEBUG; }
	bats_error_trap() {
		bats_check_status_from_trap
		[[ -n ${BATS_DEBUG_LAST_STACK_TRACE_IS_VALID-} ]] || bats_capture_stack_trace
		BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
	}
fi

# use_root NAME: a writable copy of tests/data/NAME at $ROOT.
use_root() {
	[[ -d $KSM_DATA/$1 ]] || fail "no such fake root: $KSM_DATA/$1" || return
	ROOT=$BATS_TEST_TMPDIR/root
	[[ ! -e $ROOT ]] || rm -rf "$ROOT"
	# Not with the modes of the sources, which may be read-only.
	cp -R --no-preserve=mode "$KSM_DATA/$1" "$ROOT"
	export ROOT
}

# apply_modes: take away what the root's file "modes" says.  Not part of use_root,
# because a test of its contents needs to read it all.
apply_modes() {
	local mode path

	while read -r mode path; do
		chmod "$mode" "$ROOT/$path" || return
	done <"$ROOT/modes"
}

# --- running and comparing ------------------------------------------------------

# expect STATUS COMMAND...: run it, keep $output and $stderr apart, hold it to the
# status.  Every test asserts status, stdout and stderr; so this is the way to run.
# It does what bats' run does with --separate-stderr, with one process in place of
# five; processes are most of what the tests cost.
expect() {
	local want=$1 told=$BATS_TEST_TMPDIR/expect
	shift
	status=0
	("$@") >"$told.out" 2>"$told.err" || status=$?
	read_text output "$told.out"
	read_text stderr "$told.err"
	# shellcheck disable=SC2034 # tests read them
	IFS=$'\n' read -r -d '' -a lines <"$told.out" || :
	# shellcheck disable=SC2034
	IFS=$'\n' read -r -d '' -a stderr_lines <"$told.err" || :
	((status == want)) ||
		fail "command: $*" "status:  $status, expected $want" \
			"stdout:  $output" "stderr:  $stderr"
}

# read_text NAME FILE: what $(<FILE) would give, without a process.
read_text() {
	local -n into=$1
	IFS= read -r -d '' into <"$2" || :
	while [[ $into == *$'\n' ]]; do
		into=${into%$'\n'}
	done
}

same() {
	local what=$1 got=$2 want=$3
	[[ $got == "$want" ]] && return
	fail "$what differs (- expected, + got):" \
		"$(diff -u <(printf '%s\n' "$want") <(printf '%s\n' "$got") | tail -n +3)"
}

contains() {
	[[ $2 == *"$3"* ]] || fail "$1 lacks: $3" "it is:" "$2"
}

# shellcheck disable=SC2154
stdout_is() { same stdout "$output" "$1"; }
# shellcheck disable=SC2154
stderr_is() { same stderr "$stderr" "$1"; }
stdout_has() { contains stdout "$output" "$1"; }
stderr_has() { contains stderr "$stderr" "$1"; }

# file_is PATH VALUE: what the tool left in a file below $ROOT.
file_is() {
	local text
	read_text text "$ROOT/$1"
	same "$1" "$text" "$2"
}

# root_unchanged NAME: nothing below $ROOT differs from the data it was copied from.
root_unchanged() { diff -r --no-dereference "$KSM_DATA/$1" "$ROOT" >&2; }

# golden NAME: stdout is expected/SUITE/NAME.out, and stderr is NAME.err or empty.
# UPDATE=1 writes both instead; look at the difference before committing it.
golden() {
	local suite=${BATS_TEST_FILENAME##*/}
	local base=$KSM_EXPECTED/${suite%.bats}/$1 text

	if [[ ${UPDATE:-} == 1 ]]; then
		mkdir -p "${base%/*}"
		printf '%s\n' "$output" >"$base.out"
		rm -f "$base.err"
		[[ -z $stderr ]] || printf '%s\n' "$stderr" >"$base.err"
		return 0
	fi
	[[ -f $base.out ]] || fail "no expected output: $base.out (UPDATE=1 writes it)" "$output" ||
		return
	read_text text "$base.out"
	same "stdout, against ${base#"$KSM_SRCDIR"/}.out" "$output" "$text" || return
	if [[ -f $base.err ]]; then
		read_text text "$base.err"
		same "stderr, against ${base#"$KSM_SRCDIR"/}.err" "$stderr" "$text"
	else
		stderr_is ""
	fi
}

# valid_json: stdout is one JSON document, or several, one a line.
valid_json() {
	if command -v jq >/dev/null; then
		jq -e . >/dev/null <<<"$output" || fail "no valid JSON:" "$output"
	elif command -v python3 >/dev/null; then
		python3 -m json.tool <<<"$output" >/dev/null ||
			python3 -m json.tool --json-lines <<<"$output" >/dev/null ||
			fail "no valid JSON:" "$output"
	else
		skip "neither jq nor python3 to check JSON with"
	fi
}

# clean_text: no byte of stdout and stderr could steer a terminal.
clean_text() {
	local both=$output$stderr
	LC_ALL=C
	[[ ${both//$'\n'/} != *[$'\x01'-$'\x1f'$'\x7f'-$'\xff']* ]] ||
		fail "raw control characters:" "$(cat -v <<<"$both")"
}

# need_autotune: the daemon is built where libinih is.
need_autotune() {
	[[ -x $KSM_BUILDDIR/ksm-autotune ]] || skip "built without ksm-autotune (no libinih)"
}

# --- privileges -----------------------------------------------------------------

# need_unprivileged: skip, with the reason, where unprivileged cannot work.  Not
# part of it, because a skip inside of run would end the wrong shell.
need_unprivileged() {
	((EUID == 0)) || return 0
	command -v setpriv >/dev/null || skip "root, and no setpriv to become nobody"
	# bats keeps its directories to their owner.
	chmod a+rx "$BATS_RUN_TMPDIR" "${BATS_TEST_TMPDIR%/*}" "$BATS_TEST_TMPDIR"
	unprivileged test -x "$KSM_BUILDDIR" -a -r "$KSM_SRCDIR/configure.ac" ||
		skip "nobody may not read the build tree"
}

# sanitized: built with a sanitizer, whose runtime wants /proc, memory of its own, to be
# preloaded first, and not to be traced.
sanitized() { grep -q __asan_init "$KSM_BUILDDIR/ksmctl"; }

# unprivileged COMMAND...: run it as a user whom mode bits stop; root becomes nobody.
unprivileged() {
	if ((EUID)); then
		"$@"
	else
		setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
	fi
}

need_root() {
	((EUID == 0)) || skip "needs root"
}

# need_mounts: as root, a mount namespace whose mounts nobody else sees.  In a plain
# chroot the root directory is no mount, which may be the reason that there is none.
need_mounts() {
	need_root
	unshare -m true 2>/dev/null ||
		skip "no mount namespace of our own (containers, a chroot that is no mount)"
}

# --- processes in the background --------------------------------------------------

# spawn COMMAND...: start it, $spawned is its pid.  It ends with the test.
spawn() {
	# bats waits for whoever holds its descriptor 3.
	"$@" 3>&- &
	spawned=$!
	SPAWNED+=("$spawned")
}

reap_spawned() {
	local pid
	for pid in "${SPAWNED[@]}"; do
		kill -KILL "$pid" 2>/dev/null || :
		wait "$pid" 2>/dev/null || :
	done
	SPAWNED=()
}
SPAWNED=()

# A test file with a teardown of its own calls reap_spawned from it.
teardown() {
	reap_spawned
}

# wait_until COMMAND...: until it succeeds.  The limit is for a machine that is
# stuck, not a duration that anything is measured by.
wait_until() {
	local tries
	for ((tries = 0; tries < 600; tries++)); do
		"$@" && return
		sleep 0.05
	done
	fail "never came true: $*"
}
