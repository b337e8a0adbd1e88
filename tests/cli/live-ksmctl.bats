#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-ksmctl.bats - ksmctl on the KSM of this machine: what no fake kernel can
# answer.  Only as root, only where KSM is idle, and everything is put back.
#
# tests/kernel has more, and runs it on other kernels; here is what needs a
# second program beside it, or the words of a message.

load ../lib/helpers
load ../lib/live

setup_file() { live_begin; }

setup() {
	live_setup
	before=$(ksmctl save)
	page=$(getconf PAGESIZE)
}

teardown() { live_teardown; }

teardown_file() { live_end; }

# alone: nothing of others is unmerged by us.
alone() {
	[[ ${KSM_TEST_MACHINE-} == 1 || $(<$ksm/pages_shared) == 0 ]] ||
		skip "memory of others is merged here"
}

# hold OPTION...: a process with mergeable memory ($hold); ask it by ask WORD.
hold() {
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	# Both ways, so that no side waits for the other to open.
	exec 8<>"$BATS_TEST_TMPDIR/out" 9<>"$BATS_TEST_TMPDIR/in"
	# Given its input by name: the shell puts /dev/null for that of a background job.
	start bash -c 'exec "$@" <"$0/in" >"$0/out" 8>&- 9>&-' "$BATS_TEST_TMPDIR" \
		"$HOLD" -a "$@"
	read -r -t 60 _ hold <&8
}

ask() {
	echo "$1" >&9
	read -r -t 120 answer <&8
}

fast() {
	! has advisor_mode || ksmctl set -q advisor_mode none
	ksmctl set -q pages_to_scan 10000 sleep_millisecs 1 run 1
}

# merged: a process whose 256 pages stand in 4 frames, the scanner stopped.
merged() {
	hold -p 256 -g 4
	fast
	ask merged
	same "the process" "$answer" merged
	ksmctl set -q run 0
}

@test "live: set, get, and the files agree" {
	! has advisor_mode || ksmctl set -q advisor_mode none
	expect 0 ksmctl set pages_to_scan=777 sleep_millisecs=33
	stdout_is "pages_to_scan 777
sleep_millisecs 33"
	stderr_is ""
	same "the files" "$(cat $ksm/pages_to_scan $ksm/sleep_millisecs)" "777
33"
	expect 0 ksmctl get pages_to_scan sleep_millisecs
	stdout_is "777
33"
	stderr_is ""
}

@test "live: the rate while the advisor drives it" {
	has advisor_mode || skip "no advisor_mode (Linux 6.8)"
	ksmctl set -q advisor_mode scan-time
	nap=$(cat $ksm/sleep_millisecs)
	expect 1 ksmctl set sleep_millisecs=$((nap + 1)) pages_to_scan=5
	stdout_is ""
	stderr_is 'ksmctl: pages_to_scan: cannot set to 5: Invalid argument (advisor_mode is "scan-time" and drives it; first: ksmctl set advisor_mode none); the others were put back'
	same "sleep_millisecs" "$(cat $ksm/sleep_millisecs)" "$nap"
	expect 0 ksmctl set advisor_mode=none pages_to_scan=5
	stdout_is "pages_to_scan 5
advisor_mode none"
	stderr_is ""
}

@test "live: save with the advisor on, restore with it off, and the reverse" {
	has advisor_mode || skip "no advisor_mode (Linux 6.8)"
	ksmctl set -q advisor_mode=none pages_to_scan=345
	ksmctl save "$BATS_TEST_TMPDIR/off"
	ksmctl set -q advisor_mode=scan-time advisor_max_cpu=33
	ksmctl save "$BATS_TEST_TMPDIR/on"
	expect 0 ksmctl restore -q "$BATS_TEST_TMPDIR/off"
	stdout_is ""
	stderr_is ""
	same "rate" "$(cat $ksm/pages_to_scan)" 345
	expect 0 ksmctl restore -q "$BATS_TEST_TMPDIR/on"
	stderr_is ""
	same "advisor" "$(cat $ksm/advisor_mode)" "none [scan-time]"
	same "its limit" "$(cat $ksm/advisor_max_cpu)" 33
	for file in on off; do
		ksmctl restore -q "$BATS_TEST_TMPDIR/$file"
		expect 0 ksmctl diff "$BATS_TEST_TMPDIR/$file"
		stdout_is ""
		stderr_is ""
	done
}

@test "live: a failing write puts the advisor and its rate back" {
	has advisor_mode || skip "no advisor_mode (Linux 6.8)"
	merged
	ksmctl set -q advisor_mode=none pages_to_scan=345
	# Two that go, one that is refused: pages are merged.
	expect 1 ksmctl set merge_across_nodes="$((!$(cat $ksm/merge_across_nodes 2>/dev/null || echo 1)))" \
		max_page_sharing=99 advisor_mode=scan-time sleep_millisecs=7
	stdout_is ""
	stderr_has "Device or resource busy (pages are merged; first: ksmctl unmerge)"
	same "rate" "$(cat $ksm/pages_to_scan)" 345
	same "advisor" "$(cat $ksm/advisor_mode)" "[none] scan-time"
}

@test "live: structure cannot change while pages are merged; restore unmerges for it" {
	alone
	merged
	sharing=$(cat $ksm/max_page_sharing)
	for name in merge_across_nodes max_page_sharing; do
		has $name || continue
		new=$((sharing + 1))
		[[ $name != merge* ]] || new=$((!$(cat $ksm/$name)))
		expect 1 ksmctl set $name=$new
		stdout_is ""
		stderr_is "ksmctl: $name: cannot set to $new: Device or resource busy (pages are merged; first: ksmctl unmerge)"
	done
	echo "max_page_sharing $((sharing + 1))" >"$BATS_TEST_TMPDIR/file"
	expect 1 ksmctl restore --keep-merged "$BATS_TEST_TMPDIR/file"
	stdout_is ""
	stderr_has "pages are merged; first: ksmctl unmerge"
	ask frames
	same frames "$answer" 4
	expect 0 ksmctl restore "$BATS_TEST_TMPDIR/file"
	stdout_has "max_page_sharing $((sharing + 1))"
	stderr_is ""
	ask frames
	same "frames, unmerged" "$answer" 256
	same "run, as found" "$(cat $ksm/run)" 0
	ask check
	same "pages with wrong content" "$answer" 0
}

@test "live: unmerge tells its need, does it, and leaves merging stopped" {
	alone
	merged
	ksmctl set -q run 1
	expect 0 ksmctl unmerge
	[[ $output =~ ^unmerging\ needs\ [0-9.]+\ [KM]iB\ of\ memory,\ .*\ available$ ]] ||
		fail "$output"
	stderr_is ""
	same run "$(cat $ksm/run)" 0
	ask frames
	same frames "$answer" 256
}

@test "live: zero pages of split huge pages, which no counter shows" {
	[[ $page == 4096 ]] || skip "huge pages of another size"
	blank=$BATS_FILE_TMPDIR/blank
	${CC:-cc} -O1 -o "$blank" "$KSM_SRCDIR/tests/live/help-blank.c"
	mkfifo "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	exec 8<>"$BATS_TEST_TMPDIR/out" 9<>"$BATS_TEST_TMPDIR/in"
	start bash -c 'exec "$1" 16 <"$0/in" >"$0/out" 8>&- 9>&-' "$BATS_TEST_TMPDIR" "$blank"
	pid=$spawned
	read -r -t 60 _ huge <&8 || skip "no huge pages, or no merging"
	((huge >= 16 * 2048)) || skip "no huge pages to be had: $huge KiB"
	# Blank pages stay what they are: the kernel's split makes them vanish, not ksmd.
	ksmctl set -q use_zero_pages 0
	fast
	wait_until split "$pid"
	expect 0 ksmctl settle --timeout 5m
	expect 0 ksmctl status -J
	stderr_is ""
	unseen=$(sed -n 's/.*"zero_unseen": \(.*\),/\1/p' <<<"$output")
	[[ $unseen != null ]] || skip "no PAGEMAP_SCAN (Linux 6.7)"
	((unseen > 0)) || skip "this kernel keeps blank pages (6.12 does not)"
	# Of each of 16 huge pages 411 small ones are blank; ksmd may come before the split.
	((unseen >= 16 * 256 * 4096)) || fail "only $unseen bytes: $output"
	expect 0 ksmctl status
	stdout_has "
zero page  "
	stdout_has " more that no counter shows (split huge pages)"
	expect 0 ksmtop -b -c 1 -J
	more=$(grep -o '"zero_unseen": [0-9]*' <<<"$output")
	((${more#*: } >= 16 * 256 * 4096)) || fail "ksmtop: $more"
	# By its counters it loses; it gave 30 MiB back.
	ksmctl set -q run 0
	profit=$(ksmctl procs -p "$pid" -rn -o PROFIT)
	((profit < 0)) || fail "it gains $profit by its counters"
	expect 1 ksmctl doctor -p "$pid"
	[[ $output != *"costs more metadata"* ]] || fail "profit $profit, called a loser: $output"
	expect 1 ksmctl doctor
	[[ $output != *"pid $pid:"* ]] || fail "profit $profit, called a loser: $output"
}

# split PID: it has no huge page left.
split() { grep -q '^AnonHugePages: *0 kB' "/proc/$1/smaps_rollup"; }

@test "live: settle waits for passes; stopped, it says so; out of time, it fails" {
	ksmctl set -q run 0
	expect 1 ksmctl settle
	stdout_is ""
	stderr_is "ksmctl: run: merging is stopped: nothing will settle (start it: ksmctl start)"
	hold -p 512 -g 8
	fast
	expect 0 ksmctl settle -v --timeout 5m
	stdout_is ""
	stderr_has "ksmctl: settled after "
	ask frames
	same frames "$answer" 8
	passes=$(cat $ksm/full_scans)
	expect 0 ksmctl settle --scans 3 --timeout 5m
	stdout_is ""
	stderr_is ""
	(($(cat $ksm/full_scans) >= passes + 3)) || fail "it did not wait for three passes"
	# A rate at which no pass will end in time, and one at which none ever ends.
	ksmctl set -q pages_to_scan 1 sleep_millisecs 1000
	expect 1 ksmctl settle --scans 100 --timeout 100ms
	stdout_is ""
	stderr_has "ksmctl: not settled in time: "
	ksmctl set -q pages_to_scan 0
	expect 1 ksmctl settle --scans 100
	stdout_is ""
	stderr_is "ksmctl: nothing will settle: the scanner runs, but scans no page: pages_to_scan is 0 (ksmctl set pages_to_scan 100)"
}

@test "live: settle where nothing is mergeable" {
	fast
	expect 0 ksmctl settle --timeout 5m -v
	stdout_is ""
	stderr_has "ksmctl: settled after "
}

@test "live: procs, vmas, doctor and metrics of a process that merges" {
	merged
	size=$((256 * page))
	expect 0 ksmctl procs -p $hold -rn -o PID,STATE,MERGING,COMMAND
	stdout_is "$hold madvise $size hold"
	stderr_is ""
	expect 0 ksmctl procs -rn -o PID
	stdout_has "$hold"
	expect 0 ksmctl procs --match "^$HOLD " --by comm -rn -o GROUP,PROCS,MEMBERS
	stdout_is "hold 1 1"
	stderr_is ""
	expect 0 ksmctl vmas -p $hold -m -rn -o SIZE,ANON,MERGE
	stdout_is "$size $size yes"
	stderr_is ""
	expect 1 ksmctl doctor -p $hold
	stdout_has "system: merging is stopped"
	stderr_is ""
	expect 0 ksmctl metrics --procs=1K
	stderr_is ""
	stdout_has "pid=\"$hold\",comm=\"hold\""
	expect 0 ksmctl metrics --procs=1K --format=openmetrics
	LC_ALL=C awk -f "$KSM_SRCDIR/tests/cli/openmetrics.awk" <<<"$output"
	expect 0 ksmctl status -J
	stderr_is ""
	valid_json
	stdout_has '"state": "stopped",'
	saved=$(sed -n 's/^ *"saved": \(.*\),$/\1/p' <<<"$output")
	# What is locked for a moment when its like comes by has a second copy.
	((saved >= (256 - 32) * page)) || fail "saved $saved"
}

@test "live: status while it runs has the CPU that ksmd takes" {
	hold -p 256 -g 4
	fast
	expect 0 ksmctl status
	stderr_is ""
	[[ $output =~ cost\ +ksmd\ [0-9.]+\ %\ of\ a\ CPU\ now ]] || fail "$output"
	expect 0 ksmctl status -J
	stderr_is ""
	valid_json
	[[ $output =~ \"ksmd_cpu_pct\":\ [0-9] ]] || fail "$output"
}

@test "live: watch, in each format" {
	expect 0 ksmctl watch -c 2 -i 50ms
	stderr_is ""
	same lines "${#lines[@]}" 4
	[[ ${lines[2]} =~ ^[0-9:]{8}\.[0-9]{3}\  ]] || fail "${lines[2]}"
	[[ ${lines[0]} =~ ^TIME\ +SCANNED/s\ .*\ PROFIT$ ]] || fail "${lines[0]}"
	expect 0 ksmctl watch --count 2 --interval 0.05 --csv
	stderr_is ""
	same heading "${lines[0]}" \
		"time,scanned_per_s,merged_per_s,cow_per_s,swpin_copy_per_s,passes,ksmd_cpu_pct,saved,profit"
	same fields "$(awk -F, '{ print NF }' <<<"$output" | sort -u)" 9
	expect 0 ksmctl watch -c 3 -i 50ms -J
	stderr_is ""
	valid_json
	same lines "${#lines[@]}" 3
	expect 0 ksmctl watch -c 1 -i 50ms -n -b
	stderr_is ""
	same lines "${#lines[@]}" 1
}

@test "live: watch ends well by SIGINT and SIGTERM" {
	for sig in INT TERM; do
		# A shell's background job ignores SIGINT; env gives it back.
		start env --default-signal=INT ksmctl watch -i 50ms
		pid=$spawned
		wait_until test -n "$(sed -n 's/^SigCgt:.*\(....\)$/\1/p' /proc/$pid/status)"
		wait_until caught $pid
		kill -$sig $pid
		rc=0
		wait $pid || rc=$?
		same "status after SIG$sig" $rc 0
	done >/dev/null
}

# caught PID: its handlers are set (SIGINT is bit 1).
caught() {
	local mask
	mask=$(sed -n 's/^SigCgt:\t//p' "/proc/$1/status")
	[[ -n $mask ]] && ((16#$mask & 2))
}

@test "live: watch --events sees fork, exec and exit of who takes part, and of nobody else" {
	ksm-advise --strict -- true 2>/dev/null || skip "ksm-advise cannot start a program here"
	# One for each reader: who comes while a writer is about to close reads nothing.
	mkfifo "$BATS_TEST_TMPDIR"/go{1,2,3}
	# The child waits until it was seen: the name of one that ended is not known.
	printf 'read -r x <"$1"\nexit 1\n' >"$BATS_TEST_TMPDIR/child"
	# shellcheck disable=SC2016
	start ksm-advise --strict -- \
		bash -c 'read -r <"${0}1"; /bin/sh "$1" "${0}2"; read -r <"${0}3"; exit 7' \
		"$BATS_TEST_TMPDIR/go" "$BATS_TEST_TMPDIR/child"
	parent=$spawned
	# ksm-advise is a member before it becomes bash, and that would be an event, too.
	wait_until is_bash $parent
	wait_until is_member $parent
	ksmctl watch --events -J -i 100ms >"$BATS_TEST_TMPDIR/log" 2>"$BATS_TEST_TMPDIR/err" 3>&- 6>&- 7>&- &
	watch=$!
	SPAWNED+=("$watch")
	# Its first sample comes when the list of members is made and events are heard.
	wait_until grep -q '"seconds"' "$BATS_TEST_TMPDIR/log"
	/bin/true
	echo >"$BATS_TEST_TMPDIR/go1"
	wait_until grep -q '"event": "exec"' "$BATS_TEST_TMPDIR/log"
	echo >"$BATS_TEST_TMPDIR/go2"
	wait_until grep -q '"event": "exit"' "$BATS_TEST_TMPDIR/log"
	echo >"$BATS_TEST_TMPDIR/go3"
	wait_until grep -q "\"event\": \"exit\", \"pid\": $parent," "$BATS_TEST_TMPDIR/log"
	kill -TERM $watch
	wait $watch
	same "stderr" "$(<"$BATS_TEST_TMPDIR/err")" ""
	output=$(grep '"event"' "$BATS_TEST_TMPDIR/log")
	valid_json
	events=$(sed -E 's/.*"event": "([a-z]+)".*/\1/' <<<"$output" | tr '\n' ' ')
	same "events" "$events" "fork exec exit exit "
	stdout_has "\"ppid\": $parent"
	stdout_has '"command": "sh"}'
	stdout_has '"status": 1}'
	stdout_has '"status": 7}'
}

is_bash() { [[ $(<"/proc/$1/comm") == bash ]]; }
is_member() { [[ $(ksmctl procs -p "$1" -rn -o STATE) == any ]]; }

@test "live: /sys read-only" {
	# shellcheck disable=SC2016
	read_only() { unshare -m sh -c 'mount -o remount,bind,ro /sys && exec "$@"' sh "$@"; }
	read_only true 2>/dev/null || skip "no right to make a mount namespace, or /sys is no mount"
	expect 1 read_only ksmctl set sleep_millisecs=123
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot set to 123: Read-only file system (/sys is mounted read-only, as in most containers; use the host, or: mount -o remount,rw /sys)"
	expect 0 read_only ksmctl get sleep_millisecs
	stderr_is ""
}

@test "live: not as root" {
	need_unprivileged
	expect 1 unprivileged ksmctl set sleep_millisecs=123
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot set to 123: Permission denied (needs root, or CAP_DAC_OVERRIDE)"
	expect 0 unprivileged ksmctl status
	stderr_is ""
	# Since Linux 6.6 anybody may listen; what is told of others is another matter.
	run --separate-stderr unprivileged ksmctl watch --events -c 1 -i 50ms
	case $status in
	0) stderr_is "" ;;
	1) stderr_is "ksmctl: --events: cannot listen to process events: Operation not permitted (before Linux 6.6 it needs root, or CAP_NET_ADMIN)" ;;
	*) fail "status $status" "$stderr" ;;
	esac
	expect 1 unprivileged ksmctl vmas -p 1
	stdout_is ""
	stderr_is "ksmctl: 1: cannot read its mappings: Permission denied (needs root, or CAP_SYS_PTRACE)"
}

@test "live: processes that come and go while they are listed" {
	# shellcheck disable=SC2016
	start bash -c 'while :; do (:) & (:) & wait; done'
	for _ in {1..20}; do
		expect 0 ksmctl procs -a -x -rn -o PID,PPID,USER,STATE,RSS,CGROUP,UNIT,VM
		stderr_is ""
		expect 0 ksmctl procs -a --by unit
		stderr_is ""
	done
}

@test "live: everything is as it was" {
	same "the settings" "$before" "$(<"$BATS_FILE_TMPDIR/settings")"
}
