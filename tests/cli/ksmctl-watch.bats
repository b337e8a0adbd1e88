#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-watch.bats - watch and settle over a sequence of dumps, where there is
# nothing to wait for, and their operands.  What they do on a running kernel is in
# live-ksmctl.bats.

load ../lib/helpers

setup() { use_root 6.12-busy; }

ksm=sys/kernel/mm/ksm

# moments N: the first dump of seq-boost N times, 50 s apart, at $ROOT; then
# put MOMENT NAME VALUE...
moments() {
	local i

	use_root seq-boost
	rm -r "$ROOT"/[1-9]
	for ((i = 1; i < $1; i++)); do
		cp -R "$ROOT/0" "$ROOT/$i"
		sed -i "s/^when_ns .*/when_ns $((1000 + 50 * i))000000000/" "$ROOT/$i/meta"
	done
}

put() {
	local moment=$1

	shift
	while (($#)); do
		echo "$2" >"$ROOT/$moment/$ksm/$1"
		shift 2
	done
}

@test "watch: a sequence of dumps, in each format" {
	use_root seq-boost
	expect 0 ksmctl watch -s "$ROOT"
	golden sequence
	while IFS= read -r line; do
		((${#line} <= 80)) || fail "${#line} columns: $line"
	done <<<"$output"
	expect 0 ksmctl watch --csv -s "$ROOT"
	golden sequence-csv
	expect 0 ksmctl watch -J -s "$ROOT"
	golden sequence-json
	valid_json
	expect 0 ksmctl watch -bn -c 2 -s "$ROOT"
	golden sequence-bytes
	expect 0 ksmctl watch -b -c 1 -s "$ROOT"
	same "units" "${lines[1]}" \
		"             pages    pages   pages   pages         of 1     bytes     bytes"
	root_unchanged seq-boost
}

@test "watch: fractions of a second where lines of one second would look the same" {
	use_root seq-boost
	sed -i 's/^when_ns .*/when_ns 1000250000000/' "$ROOT/1/meta"
	expect 0 ksmctl watch -i 250ms -c 1 -s "$ROOT"
	stderr_is ""
	same "width" "${#lines[0]}" 80
	[[ ${lines[2]} == "00:00:00.250 "* ]] || fail "${lines[2]}"
	same "width" "${#lines[2]}" 80
	expect 0 ksmctl watch -i 3 -c 1 -n -s "$ROOT"
	[[ $output == "00:00:00 "* ]] || fail "$output"
	# A reader of JSON and CSV has them always.
	expect 0 ksmctl watch --csv -n -c 1 -s "$ROOT"
	[[ $output == 00:00:00.250,* ]] || fail "$output"
}

@test "watch: what a kernel of the sequence lacks or forbids" {
	moments 2
	rm "$ROOT"/[01]/$ksm/{pages_scanned,general_profit}
	expect 0 ksmctl watch -s "$ROOT"
	golden lacks
	expect 0 ksmctl watch --csv -s "$ROOT"
	golden lacks-csv
	expect 0 ksmctl watch -J -s "$ROOT"
	golden lacks-json
	valid_json
	need_unprivileged
	chmod 0 "$ROOT"/[01]/$ksm/pages_sharing
	chmod -R a+rX "$ROOT"
	chmod 0 "$ROOT"/[01]/$ksm/pages_sharing
	expect 0 unprivileged ksmctl watch -n -s "$ROOT"
	stdout_has " denied"
}

@test "watch, settle: a sequence that breaks off" {
	moments 3
	rm -r "$ROOT/2/proc"
	for cmd in watch "settle --scans 9"; do
		# shellcheck disable=SC2086
		expect 1 ksmctl $cmd -s "$ROOT"
		stderr_is "ksmctl: $ROOT/2: cannot open: No such file or directory"
	done
	rm -r "$ROOT"/[0-2]
	expect 1 ksmctl watch -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: cannot open: not the dump of a system: it has no proc"
	moments 2
	rm -r "$ROOT/0/$ksm"
	expect 3 ksmctl watch -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
	expect 3 ksmctl watch --events -s "$KSM_DATA/seq-boost"
	stdout_is ""
	stderr_has "ksmctl: --events: no process events here"
}

@test "settle: two whole passes, and then as many as still add something" {
	# The pass under way counts for nothing: 4 to 5.
	moments 6
	put 1 full_scans 5 pages_sharing 1000
	put 2 full_scans 6 pages_sharing 2000
	put 3 full_scans 7 pages_sharing 2100
	put 4 full_scans 8 pages_sharing 2110
	put 5 full_scans 9 pages_sharing 9000
	expect 0 ksmctl settle -v -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: settled after 3 passes, saved 8.2 MiB"
	expect 0 ksmctl settle -v --tolerance 5 -s "$ROOT"
	stderr_is "ksmctl: settled after 2 passes, saved 8.2 MiB"
	expect 0 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_is ""
	# Passes, whatever they add.
	expect 0 ksmctl settle -v --scans 4 -s "$ROOT"
	stderr_is "ksmctl: settled after 4 passes, saved 35.2 MiB"
	expect 1 ksmctl settle --scans 5 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: not settled at its last dump: 4 passes done, saved 35.2 MiB"
	# Unmerging begins anew.
	put 3 full_scans 0
	put 4 full_scans 1
	put 5 full_scans 2
	expect 1 ksmctl settle -s "$ROOT"
	stderr_is "ksmctl: $ROOT: not settled at its last dump: 1 pass done, saved 35.2 MiB"
}

@test "settle: --timeout goes by the clock of the sequence" {
	moments 6
	expect 1 ksmctl settle --timeout 2m -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: not settled in time: 0 passes done, saved 3.9 MiB"
	expect 1 ksmctl settle --timeout 1h -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: not settled at its last dump: 0 passes done, saved 3.9 MiB"
}

@test "settle: nothing mergeable is settled, after a while" {
	moments 3
	for i in 0 1 2; do
		put $i pages_shared 0 pages_sharing 0 pages_unshared 0 pages_volatile 0
	done
	put 1 pages_scanned 100001
	put 2 pages_scanned 100001
	expect 0 ksmctl settle -v -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: nothing is mergeable
ksmctl: settled after 0 passes, saved 0 B"
	# Something is scanned all the time: it may come to more.
	put 2 pages_scanned 100002
	expect 1 ksmctl settle -s "$ROOT"
	stderr_is "ksmctl: $ROOT: not settled at its last dump: 0 passes done, saved 0 B"
}

@test "settle: where no pass will ever end, it says so and ends" {
	moments 3
	put 1 pages_to_scan 0
	expect 1 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: nothing will settle: the scanner runs, but scans no page: pages_to_scan is 0 (ksmctl set pages_to_scan 100)"
	put 1 pages_to_scan 50 sleep_millisecs 3600000
	expect 1 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: nothing will settle: the scanner scans less than a page a second: 50 pages, then 3600000 ms of sleep (ksmctl set sleep_millisecs 20)"
	put 1 run 0
	expect 1 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: merging is stopped: nothing will settle (start it: ksmctl start)"
	rm "$ROOT/0/$ksm/full_scans"
	expect 3 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: full_scans: this kernel does not have /sys/kernel/mm/ksm/full_scans"
}

need_ksm() { [[ -r /$ksm/run ]] || skip "no KSM on this machine"; }

@test "watch: a signal between the test and the wait ends it" {
	need_ksm
	late=$KSM_BUILDDIR/tests/preload/late-signal.so
	[[ -e $late ]] || skip "no late-signal.so (make check builds it)"
	if ldd "$KSM_BUILDDIR/ksmctl" | grep -qE 'lib(asan|tsan)'; then
		skip "a sanitizer must be the first to be loaded"
	fi
	# It would wait for an hour.
	LD_PRELOAD=$late expect 0 timeout 60 ksmctl watch -i 1h
	stdout_is ""
	stderr_is ""
}

@test "watch: a signal that is ignored stays so, others are caught" {
	need_ksm
	for ignored in INT TERM ""; do
		(
			trap '' ${ignored:-CHLD}
			[[ $ignored == INT ]] || set -- --default-signal=INT
			exec env "$@" ksmctl watch -i 1h >/dev/null 3>&-
		) &
		pid=$!
		SPAWNED+=("$pid")
		[[ $ignored == TERM ]] && sig=INT || sig=TERM
		wait_until mask_has $pid SigCgt $sig
		for s in INT TERM; do
			if [[ $s == "$ignored" ]]; then
				mask_has $pid SigIgn $s || fail "SIG$s is caught"
			else
				mask_has $pid SigCgt $s || fail "SIG$s is not caught"
			fi
		done
		kill -$sig $pid
		rc=0
		wait $pid || rc=$?
		same status $rc 0
	done
}

# mask_has PID MASK SIGNAL: it is in that mask of /proc/PID/status.
mask_has() {
	local mask

	mask=$(sed -n "s/^$2:\t//p" "/proc/$1/status")
	[[ -n $mask ]] && ((16#$mask >> ($(kill -l "$3") - 1) & 1))
}

@test "watch, settle: a dump does not change, exit 3" {
	expect 3 ksmctl watch -c 1 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: a dump does not change: nothing to watch"
	expect 3 ksmctl watch --events -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: a dump does not change: nothing to watch"
	expect 3 ksmctl settle -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $ROOT: a dump does not change: nothing to wait for"
}

@test "events: none are told in another namespace of pids" {
	need_root
	need_mounts
	expect 3 unshare -pf --mount-proc timeout 20 ksmctl watch --events -c 1
	stdout_is ""
	stderr_has "ksmctl: --events: no process events here"
}

@test "watch, settle: KSM absent" {
	use_root no-ksm
	for cmd in watch settle; do
		expect 3 ksmctl $cmd -s "$ROOT"
		stdout_is ""
		stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
	done
}

@test "watch, settle: operands" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 2 ksmctl $words -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: $text
Try 'ksmctl ${words%% *} --help' for more information."
	done <<-'EOF'
		watch -i never|--interval: never: not a duration (say 500ms, 2, 1.5m, 1h)
		watch -i 1ms|--interval: 1ms: at least 10ms
		watch --interval=-1|--interval: -1: not a duration (say 500ms, 2, 1.5m, 1h)
		watch -c 0|--count: 0: not a number of samples
		watch -c many|--count: many: not a number of samples
		watch --csv -J|--csv and --json exclude each other
		watch it|it: unexpected argument
		settle --scans 0|--scans: 0: not a number of passes
		settle --scans 1.5|--scans: 1.5: not a number of passes
		settle --timeout 0|--timeout: 0: must be more than nothing (without --timeout there is no limit)
		settle --timeout 0ms|--timeout: 0ms: must be more than nothing (without --timeout there is no limit)
		settle --timeout soon|--timeout: soon: not a duration (say 500ms, 2, 1.5m, 1h)
		settle --tolerance 101|--tolerance: 101: not a percentage
		settle --tolerance -1|--tolerance: -1: not a percentage
		settle now|now: unexpected argument
	EOF
}
