#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmtop.bats - what ksmtop prints: batch text, JSON and CSV of every fake root,
# recordings, refusals, and what it finds on the running system.  The screen is
# tried by the unit tests and through a terminal of their own.

load ../lib/helpers

setup() {
	# Nobody's settings, and none left behind.
	export HOME=$BATS_TEST_TMPDIR XDG_CONFIG_HOME=$BATS_TEST_TMPDIR/config
}

# top ARGUMENT...: of the root.
# shellcheck disable=SC2153
top() { ksmtop -s "$ROOT" "$@"; }

@test "batch text of every root" {
	for root in 6.12-idle 6.12-busy 7.3-busy 7.3-hksm 6.1 5.15-old arm64-16k cgroup-v1 \
		hostile garbage; do
		use_root $root
		expect 0 top -b
		clean_text
		golden "text-$root"
	done
}

@test "batch text: the whole list, and one without a second sample ends at once" {
	use_root 6.12-busy
	expect 0 top -ba -o pid,ppid,user,rss,state,unit,vm,command
	golden all
}

@test "JSON of every root" {
	for root in 6.12-busy 7.3-hksm 5.15-old garbage hostile; do
		use_root $root
		expect 0 top -J
		valid_json
		clean_text
		golden "json-$root"
	done
}

@test "CSV: plain numbers, a heading once" {
	use_root 7.3-hksm
	expect 0 top --csv
	golden csv
	expect 0 ksmtop --csv --replay "$KSM_DATA/seq-boost" -o pid,merging,profit,growth_per_s
	golden csv-replay
}

@test "groups" {
	use_root 6.12-busy
	for by in comm user cgroup unit vm; do
		expect 0 top -b --by $by --sort profit
		output=${output#*$'\n\n'}
		golden "by-$by"
	done
	use_root pods
	for by in container pod namespace; do
		expect 0 top -b --by $by --sort profit
		output=${output#*$'\n\n'}
		golden "by-$by"
	done
	# A record keeps the names, which the kubelet's directories need not have any more.
	expect 0 top -b --record "$BATS_TEST_TMPDIR/r"
	rm -r "$ROOT/var"
	expect 0 ksmtop -b --replay "$BATS_TEST_TMPDIR/r" -o pid,container,pod,namespace --sort +pid
	stdout_has "2001 1f0e2d3c4b5a shop/web-7d9f6c5b8-x2k4q"
	# One of an earlier version has none: the uid remains.
	sed -i 's/^\(n [0-9]*\( [^ ]*\)\{4\}\) .*/\1/' "$BATS_TEST_TMPDIR/r"
	expect 0 ksmtop -b --replay "$BATS_TEST_TMPDIR/r" -o pid,container,pod,namespace --sort +pid
	stdout_has "2001 1f0e2d3c4b5a 3c1f5f0a-8d7e-4b52-9a61-0f5f2f3c7d11"
	use_root 6.12-busy
	expect 0 top -J --by unit
	valid_json
	stdout_has '"groups": [{"group": "machine-qemu\\x2d1\\x2dweb01.scope", "procs": 1,'
}

@test "order: by a column, and the other way round" {
	use_root 6.12-busy
	expect 0 top -bn --sort profit -o pid
	[[ ${output#*$'\n\n'} == 1001$'\n'1002$'\n'* ]] || fail "$output"
	expect 0 top -bn --sort +profit -o pid
	[[ ${output#*$'\n\n'} == 2150$'\n'* ]] || fail "$output"
	expect 0 top -bn --sort SAVED% -o pid
	[[ ${output#*$'\n\n'} == 2001$'\n'* ]] || fail "$output"
}

@test "which processes: by number, by user" {
	use_root 6.12-busy
	expect 0 top -b -p 2150,1 -o pid,state
	stdout_has $'\n   1 off'
	stdout_has $'\n2150 madvise'
	expect 0 top -b -u 41003 -o pid
	same "pids" "${output#*$'\n\n'}" $' PID\n2001\n2002\n2003'
}

@test "no KSM: one line, exit 3" {
	use_root no-ksm
	expect 3 top -b
	stdout_is ""
	stderr_is "ksmtop: /sys/kernel/mm/ksm: this kernel has no KSM (it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)"
	expect 3 top -J
	stdout_is ""
}

@test "denied: what may not be read is told so, and is never 0" {
	use_root denied
	need_unprivileged
	apply_modes
	chmod a+rx "$ROOT"
	((EUID)) || chown -R 65534 "$ROOT"
	expect 0 unprivileged ksmtop -s "$ROOT" -ba
	golden denied
	expect 0 unprivileged ksmtop -s "$ROOT" -Ja
	valid_json
	golden denied-json
}

@test "replay of dumps: rates, a counter that is reset, the end" {
	expect 0 ksmtop --replay "$KSM_DATA/seq-boost" -b
	golden replay
	expect 0 ksmtop --replay "$KSM_DATA/seq-boost" -J -c 2
	valid_json
	same "lines" "${#lines[@]}" 2
}

@test "a recording replays as what was recorded" {
	rec=$BATS_TEST_TMPDIR/rec
	for root in 7.3-hksm hostile garbage; do
		use_root $root
		expect 0 top -J --record "$rec"
		recorded=$output
		expect 0 ksmtop -J --replay "$rec"
		same "replay of $root" "$output" "$recorded"
	done
	# Of several samples.
	expect 0 ksmtop -J --replay "$KSM_DATA/seq-boost" --record "$rec"
	recorded=$output
	expect 0 ksmtop -J --replay "$rec"
	same "replay" "$output" "$recorded"
	expect 0 ksmtop -J --replay "$rec" --speed 1000
	same "replay with waiting" "$output" "$recorded"
}

@test "a recording that was cut off, or is none" {
	rec=$BATS_TEST_TMPDIR/rec
	use_root 7.3-hksm
	expect 0 ksmtop -J --replay "$KSM_DATA/seq-boost" --record "$rec"
	size=$(stat -c %s "$rec")
	head -c $((size - 20)) "$rec" >"$rec.cut"
	expect 0 ksmtop -J --replay "$rec.cut"
	same "lines" "${#lines[@]}" 3
	stderr_is ""

	sed '5s/.*/p 5 items=many/' "$rec" >"$rec.bad"
	expect 1 ksmtop -J --replay "$rec.bad"
	stderr_is "ksmtop: $rec.bad: line 5: bad value of items"

	# A foreign string does not steer the terminal.
	printf 'ksmtop-record 1\ns 1 \033[2J=1=\n' >"$rec.evil"
	expect 0 ksmtop -b --replay "$rec.evil"
	clean_text
	printf 'ksmtop-record 1\ns 1 \033[2J\n' >"$rec.evil"
	expect 1 ksmtop -b --replay "$rec.evil"
	clean_text
	stderr_has '\x1b[2J'

	echo "something else" >"$rec.no"
	expect 1 ksmtop -b --replay "$rec.no"
	stderr_is "ksmtop: $rec.no: not a recording of ksmtop"
	: >"$rec.empty"
	expect 1 ksmtop -b --replay "$rec.empty"
	stderr_is "ksmtop: $rec.empty: not a recording of ksmtop"
	expect 1 ksmtop -b --replay "$BATS_TEST_TMPDIR/nowhere"
	stderr_is "ksmtop: $BATS_TEST_TMPDIR/nowhere: cannot open: No such file or directory"
	expect 1 ksmtop -b --replay "$KSM_DATA"
	stderr_is "ksmtop: $KSM_DATA: not a recording of ksmtop"
	head -c 300000 /dev/zero | tr '\0' x >"$rec.long"
	expect 1 ksmtop -b --replay "$rec.long"
	{ echo ksmtop-record 1; cat "$rec.long"; echo; } >"$rec.long2"
	expect 1 ksmtop -b --replay "$rec.long2"
	stderr_is "ksmtop: $rec.long2: line 2: too long"
}

@test "usage errors" {
	try() {
		local message=$1
		shift
		expect 2 ksmtop "$@"
		stdout_is ""
		stderr_is "ksmtop: $message"$'\n'"Try 'ksmtop --help' for more information."
	}
	try "--count: only with -b, -J or --csv" -c 3
	try "--output: only with -b, -J or --csv" -o pid
	try "--count: 0: not a number of samples" -b -c 0
	try "--count: x: not a number of samples" -b -c x
	try "--interval: soon: not a duration (say 500ms, 2, 1.5m)" -d soon
	try "--interval: 1ms: 100ms to 1h" -d 1ms
	try "--interval: 2h: 100ms to 1h" -d 2h
	try "0: not a process number" -p 0
	try "x: not a process number" -p 1,x
	try "--sort: age,pid: no such column (see --help)" --sort age,pid
	try "--by: herd: not a way to group (comm, user, cgroup, unit, vm, container, pod, namespace)" --by herd
	try "--speed: only with --replay" --speed 2
	try "--speed: -1: not a factor of 0 to 1000000" --replay x --speed -1
	try "--speed: nan: not a factor of 0 to 1000000" --replay x --speed nan
	try "--replay: not with --sysroot" --replay x -s y
	try "--replay: no processes can be selected: it shows what was recorded" --replay x -p 1
	try "--json and --csv exclude each other" -J --csv
	try "extra: unexpected argument" extra
	expect 2 ksmtop -b -o nothing
	stderr_has "nothing"
}

@test "no terminal, a dumb one, an unknown one: refused, with a hint" {
	expect 1 ksmtop
	stdout_is ""
	stderr_has "ksmtop -b prints instead"
	if command -v script >/dev/null; then
		expect 1 script -qec "TERM=dumb ksmtop" /dev/null
		stdout_has "ksmtop: a dumb terminal: cannot draw a screen on it (ksmtop -b prints instead)"
		expect 1 script -qec "TERM=no-such-terminal ksmtop" /dev/null
		stdout_has "ksmtop -b prints instead"
	fi
}

@test "what cannot be opened" {
	expect 1 ksmtop -b -s "$BATS_TEST_TMPDIR/nowhere"
	stderr_is "ksmtop: $BATS_TEST_TMPDIR/nowhere: cannot open: No such file or directory"
	expect 1 ksmtop -b -s "$BATS_TEST_TMPDIR"
	stderr_is "ksmtop: $BATS_TEST_TMPDIR: cannot open: not the dump of a system: it has no proc"
	use_root 6.12-busy
	expect 1 top -b --record "$BATS_TEST_TMPDIR/no/where"
	stderr_is "ksmtop: $BATS_TEST_TMPDIR/no/where: cannot open: No such file or directory"
}

@test "a full disk is told" {
	[[ -c /dev/full ]] || skip "no /dev/full"
	use_root 6.12-busy
	# shellcheck disable=SC2016
	run --separate-stderr bash -c 'ksmtop -s "$ROOT" -b >/dev/full'
	((status == 1)) || fail "status $status"
	stderr_has "No space left on device"
	expect 1 top -b --record /dev/full
	stderr_has "/dev/full: cannot write: No space left on device"
}

@test "batch output leaves settings alone, and does not read them" {
	use_root 6.12-busy
	mkdir -p "$XDG_CONFIG_HOME/ksm-utils"
	echo "sort pid" >"$XDG_CONFIG_HOME/ksm-utils/ksmtop"
	expect 0 top -bn -o pid
	[[ ${output#*$'\n\n'} == 1001$'\n'* ]] || fail "$output"
	same "the file" "$(<"$XDG_CONFIG_HOME/ksm-utils/ksmtop")" "sort pid"
}

# --- the running system ----------------------------------------------------------

has_ksm() { [[ -d /sys/kernel/mm/ksm ]]; }

# sees FILE PID: some sample has that process.
sees() { [[ $(<"$1") == *"\"pid\": $2,"* ]]; }

@test "live: births and deaths, by events and by reading /proc alike" {
	has_ksm || skip "this kernel has no KSM"
	for how in events proc; do
		out=$BATS_TEST_TMPDIR/out.$how
		: >"$out"
		if [[ $how == proc ]]; then
			# Events are told in the first network namespace alone.
			unshare -n true 2>/dev/null || continue
			spawn unshare -n ksmtop -Jav -d 100ms >"$out" 2>"$out.err"
		else
			spawn ksmtop -Jav -d 100ms >"$out" 2>"$out.err"
		fi
		# shellcheck disable=SC2154
		watcher=$spawned
		wait_until test -s "$out"
		[[ $how == events ]] || grep -q "/proc is read instead" "$out.err" ||
			fail "not without events: $(<"$out.err")"
		spawn sleep 1000
		sleeper=$spawned
		wait_until sees "$out" "$sleeper"
		kill -KILL "$sleeper"
		wait "$sleeper" 2>/dev/null || :
		# The last line, whole, has it no more.
		gone() { ! tail -n 2 "$out" | head -n 1 | grep -qF "\"pid\": $sleeper,"; }
		wait_until gone
		# It goes on.
		size=$(stat -c %s "$out")
		grows() { (($(stat -c %s "$out") > size)); }
		wait_until grows
		kill -TERM "$watcher"
		code=0
		wait "$watcher" || code=$?
		((code == 0)) || fail "$how: exit status $code" "$(<"$out.err")"
		output=$(<"$out")
		valid_json
	done
}

@test "live: a process becomes another program" {
	has_ksm || skip "this kernel has no KSM"
	out=$BATS_TEST_TMPDIR/out
	mkfifo "$BATS_TEST_TMPDIR/go"
	# shellcheck disable=SC2016
	spawn bash -c 'read -r x <"$0"; exec sleep 1234' "$BATS_TEST_TMPDIR/go"
	pid=$spawned
	spawn ksmtop -J -p "$pid" -d 100ms >"$out"
	wait_until sees "$out" "$pid"
	echo >"$BATS_TEST_TMPDIR/go"
	becomes() { grep -qF '"command": "sleep 1234"' "$out"; }
	wait_until becomes
}

@test "live: a count of samples, rates from the second on" {
	has_ksm || skip "this kernel has no KSM"
	expect 0 ksmtop -J -c 3 -d 100ms
	valid_json
	same "lines" "${#lines[@]}" 3
	contains "the first" "${lines[0]}" '"seconds": null'
	[[ ${lines[1]} != *'"seconds": null'* ]] || fail "no rate: ${lines[1]}"
}
