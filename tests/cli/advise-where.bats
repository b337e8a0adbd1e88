#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-where.bats - ksm-advise --where-it-pays: what holds the savings is shown,
# marked, and just that is taken back.

load ../lib/helpers
load advise

teardown() {
	local pid
	# The next note would remove them: but there may be none.
	for pid in "${SPAWNED[@]}" ${child-}; do
		((EUID)) || rm -f "/run/ksm-utils/marks-$pid-"*
	done
	((EUID)) || rmdir /run/ksm-utils 2>/dev/null || :
	reap_spawned
	[[ ! -e $BATS_TEST_TMPDIR/run/ksm-utils ]] || chmod 700 "$BATS_TEST_TMPDIR/run/ksm-utils"
}

# A shell with a text of many MiB: all lines the same in its first half, none in the
# second; $spawned.
halves() {
	mkfifo stay
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(yes x | head -c 24000000; head -c 18000000 /dev/urandom | base64 -w 0)
		echo >ready; read -r -t 900 <>stay; echo "${#text}"'
	wait_until test -s ready
}

@test "the half with duplicates, and what that is of all" {
	cd "$BATS_TEST_TMPDIR"
	halves
	export LC_ALL=C
	expect 0 ksm-advise -c --where-it-pays -b -p "$spawned" -n -o SIZE,WHAT,ANON,SAVED
	[[ $output =~ ([0-9]+)" % of the savings, "([0-9]+)" % of the scanning" ]] ||
		fail "no figures: $output"
	((BASH_REMATCH[1] >= 95 && BASH_REMATCH[2] >= 40 && BASH_REMATCH[2] <= 60)) ||
		fail "$output"
	grep -q ' part ' <<<"$output" || fail "no part: $output"
	stderr_is ""
	# Less is wanted: less is scanned.
	expect 0 ksm-advise -c --where-it-pays=30 -p "$spawned"
	[[ $output =~ ([0-9]+)" % of the savings, "([0-9]+)" % of the scanning" ]] ||
		fail "no figures: $output"
	((BASH_REMATCH[1] >= 30 && BASH_REMATCH[1] <= 50 && BASH_REMATCH[2] <= 30)) ||
		fail "$output"
	expect 0 ksm-advise -c --where-it-pays -J -p "$spawned"
	valid_json
	stdout_has '"chosen_saved_bytes": '
	stdout_has '"what": "part"'
}

@test "exit status when some or none can be read" {
	cd "$BATS_TEST_TMPDIR"
	mkfifo stay
	# shellcheck disable=SC2016
	spawn bash -c 'text=$(head -c 300000 /dev/urandom | base64 -w 0)
		echo >ready; read -r -t 900 <>stay; echo "${#text}"'
	wait_until test -s ready
	expect 1 ksm-advise -c --where-it-pays -p 999999999
	stdout_is ""
	stderr_is "ksm-advise: 999999999: cannot read its memory: No such process"
	expect 4 ksm-advise -c --where-it-pays -p "999999999,$spawned"
	stderr_is "ksm-advise: 999999999: cannot read its memory: No such process"
}

@test "a dump has no memory" {
	use_root 6.12-busy
	expect 3 ksm-advise -s "$ROOT" -c --where-it-pays -p 1
	stdout_is ""
	stderr_is "ksm-advise: $ROOT: a dump holds no memory to read"
}

# --- marking ------------------------------------------------------------------------

# mib PID: how much of its memory is marked, in MiB.
mib() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { size = 0 }
		/^Size:/ { size = $2 }
		/^VmFlags:.* mg/ { sum += size }
		END { print int(sum / 1024) }' "/proc/$1/smaps"
}

# marked MIB: so much of $spawned is.
marked() { (($(mib "$spawned") == $1)); }

# begin_marking: a place for notes, where it is a user who marks.
begin_marking() {
	need_injection
	cd "$BATS_TEST_TMPDIR"
	mkdir -m 700 run
	export XDG_RUNTIME_DIR=$PWD/run LC_ALL=C
	((EUID)) || [[ -d /run && -w /run ]] || skip "needs /run"
}

@test "what holds the savings is marked, and -d takes it back" {
	begin_marking
	halves
	expect 0 ksm-advise --where-it-pays -p "$spawned"
	[[ $output =~ ^[0-9.]+" MiB of "[0-9.]+" MiB: "(9[5-9]|100)" % of the savings, "[456][0-9]" % of the scanning"$ ]] ||
		fail "$output"
	stderr_is ""
	asleep "$spawned"
	is_merging "$spawned" on
	(($(mib "$spawned") >= 20 && $(mib "$spawned") <= 36)) || fail "$(mib "$spawned") MiB"
	# What is marked already is not chosen again.
	expect 0 ksm-advise --where-it-pays -q -p "$spawned"
	stdout_is ""
	expect 0 ksm-advise -C -d -n -o ACTION -p "$spawned"
	stdout_is "disable what was marked where it pays"
	expect 0 ksm-advise -v -d -p "$spawned"
	stderr_has "ksm-advise: $spawned: merging disabled (madvise, "
	is_merging "$spawned" off
	asleep "$spawned"
	# The note is gone with it.
	expect 0 ksm-advise -v -d -p "$spawned"
	stderr_has "ksm-advise: $spawned: nothing to do: merging is off"
}

@test "-d leaves what the program marked itself" {
	begin_marking
	target "$GROW" places
	wait_until marked 4
	expect 0 ksm-advise --where-it-pays -p "$spawned"
	marked 12 || fail "$(mib "$spawned") MiB"
	expect 0 ksm-advise -d -p "$spawned"
	marked 4 || fail "$(mib "$spawned") MiB"
	expect 1 ksm-advise -d -p "$spawned"
	stderr_is "ksm-advise: $spawned: cannot disable merging: the program itself asked for it, by madvise (--madvised disables that too)"
}

# refused: -d leaves $1 as it is.
refused() {
	expect 1 ksm-advise -d -p "$1"
	stderr_is "ksm-advise: $1: cannot disable merging: the program itself asked for it, by madvise (--madvised disables that too)"
}

@test "what a process executes later has marks of its own" {
	begin_marking
	target "$GROW" places
	wait_until marked 4
	expect 0 ksm-advise --where-it-pays -q -p "$spawned"
	marked 12 || fail "$(mib "$spawned") MiB"
	kill -USR1 "$spawned"
	wait_until marked 4
	expect 0 ksm-advise -C -d -n -o ACTION -p "$spawned"
	stdout_is "refused: the program itself asked for it (--madvised)"
	refused "$spawned"
	marked 4
}

# a_child: $child of $spawned, which forks it.
a_child() {
	kill -USR2 "$spawned"
	forked() { child=$(tr -d ' ' <"/proc/$spawned/task/$spawned/children") && [[ $child ]]; }
	wait_until forked
}

@test "children have the marks too, and -d finds them by the parent's note" {
	begin_marking
	target "$GROW" places
	wait_until marked 4
	expect 0 ksm-advise --where-it-pays -q -p "$spawned"
	a_child
	(($(mib "$child") == 12)) || fail "$(mib "$child") MiB"
	expect 0 ksm-advise -d -p "$spawned"
	marked 4 || fail "$(mib "$spawned") MiB"
	refused "$spawned"
	expect 0 ksm-advise -d -p "$child"
	(($(mib "$child") == 4)) || fail "$(mib "$child") MiB"
	refused "$child"
}

@test "root finds what a user has noted" {
	((!EUID)) || skip "needs root"
	begin_marking
	command -v unshare setpriv >/dev/null || skip "needs unshare and setpriv"
	chmod 755 .
	spawn_unprivileged "$GROW" places
	wait_until is_called "$spawned" grow
	wait_until marked 4
	# In mounts of its own: /run and /run/user are the machine's.
	# shellcheck disable=SC2016
	expect 0 unshare -m bash -ec '
		mount -t tmpfs none /run
		mkdir -p /run/user/65534
		chown 65534:65534 /run/user/65534
		chmod 700 /run/user/65534
		setpriv --reuid=65534 --regid=65534 --clear-groups -- \
			env XDG_RUNTIME_DIR=/run/user/65534 ksm-advise --where-it-pays -q -p "$1"
		ls /run/user/65534/ksm-utils
		ksm-advise -C -d -n -o ACTION -p "$1"
		ksm-advise -d -p "$1"
		ls /run/user/65534/ksm-utils
	' - "$spawned"
	[[ ${lines[0]} == "marks-$spawned-"* ]] || fail "$output"
	[[ ${lines[1]} == "disable what was marked where it pays" ]] || fail "$output"
	((${#lines[@]} == 2)) || fail "$output"
	marked 4 || fail "$(mib "$spawned") MiB"
}

# where_marked: the first addresses of what is marked of $spawned.
where_marked() {
	awk '/^[0-9a-f]+-[0-9a-f]+ / { at = $1 } /^VmFlags:.* mg/ { print at }' "/proc/$1/smaps"
}

@test "again: what went cold is taken back, what became hot is marked" {
	begin_marking
	target "$GROW" places
	program=$spawned
	wait_until marked 4
	own=$(where_marked "$program")
	# Long enough for the program to have moved all of it before the next look.
	spawn ksm-advise --where-it-pays --again 4 -p "$program" >out 2>err
	again=$spawned spawned=$program
	wait_until marked 12
	before=$(where_marked "$program")
	kill -HUP "$program"
	moved() { [[ $(cat out) == *"1 range marked, 1 taken back: "* ]]; }
	wait_until moved
	after=$(where_marked "$program")
	marked 12 || fail "$(mib "$program") MiB"
	[[ $after == *"$own"* && $after != "$before" ]] || fail "$before, then $after"
	[[ $(cat err) == "ksm-advise: warning: $program: its places do not last: "*" % of what "* ]] ||
		fail "$(cat err)"
	kill "$again"
	wait "$again" || rc=$?
	same "exit status" "$rc" 143
	# It was said once, and what is marked now is noted.
	same "lines" "$(wc -l <err) $(wc -l <out)" "1 2"
	expect 0 ksm-advise -d -p "$program"
	same "the program's own" "$(where_marked "$program")" "$own"
}

@test "again: ends when all that were named have ended" {
	begin_marking
	target "$GROW" places
	program=$spawned
	wait_until marked 4
	spawn ksm-advise --where-it-pays --again 0.1 -q -p "$program" 2>err
	again=$spawned spawned=$program
	wait_until marked 12
	kill -9 "$program"
	wait "$again"
	same "errors" "$(cat err)" ""
}

@test "nothing is noted of who is refused" {
	command -v strace >/dev/null || skip "needs strace"
	begin_marking
	target "$GROW" places
	wait_until marked 4
	spawn strace -qq -o /dev/null -e trace=none -p "$spawned"
	tracer=$spawned target=${SPAWNED[0]}
	traced() { [[ $(awk '/^TracerPid:/ { print $2 }' "/proc/$target/status") == "$tracer" ]]; }
	wait_until traced
	expect 1 ksm-advise --where-it-pays -p "$target"
	stdout_is ""
	stderr_is "ksm-advise: $target: cannot enable merging: traced by $tracer"
	expect 0 ksm-advise -C -d -n -o ACTION -p "$target"
	stdout_is "refused: traced by $tracer"
	kill "$tracer"
	untraced() { ! traced; }
	wait_until untraced
	spawned=$target
	marked 4
	expect 0 ksm-advise -C -d -n -o ACTION -p "$target"
	stdout_is "refused: the program itself asked for it (--madvised)"
}

@test "what cannot be added to a note is said, and what -d does then" {
	((EUID)) || skip "root may write everywhere"
	begin_marking
	target "$GROW" places
	wait_until marked 4
	expect 0 ksm-advise --where-it-pays -q -p "$spawned"
	marked 12
	# All is off again, and the note stands as if it were of some other part.
	note=$(echo run/ksm-utils/marks-*)
	cat "$note" >before
	expect 0 ksm-advise -d -p "$spawned"
	cat before >"$note"
	chmod 500 run/ksm-utils
	expect 0 ksm-advise --where-it-pays -p "$spawned"
	stderr_is "ksm-advise: warning: $spawned: cannot note what is marked (so -d will take back only what was noted before): Permission denied"
	chmod 700 run/ksm-utils
}

@test "without a place for notes it is done all the same, and said" {
	((EUID)) || skip "root has /run"
	begin_marking
	halves
	unset XDG_RUNTIME_DIR
	expect 0 ksm-advise --where-it-pays -p "$spawned"
	stderr_has "cannot note what is marked (so -d will need --madvised): No such file or directory"
	expect 0 ksm-advise -d --madvised -p "$spawned"
	is_merging "$spawned" off
}
