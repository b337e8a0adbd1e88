#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# odd-kernels.bats - kernels that print a figure wrong, lack a file, or hide
# processes: each costs what it concerns and no more, in every tool.

load ../lib/helpers

setup() { use_root 6.12-busy; }

# A process of Linux 6.8 whose count of zero pages is one below zero.
wrapped() {
	printf '%s\n' "ksm_rmap_items 50000" "ksm_zero_pages 18446744073709551615" \
		"ksm_merging_pages $1" "ksm_process_profit $2" >"$ROOT/proc/1003/ksm_stat"
	echo "$1" >"$ROOT/proc/1003/ksm_merging_pages"
}

@test "wrapped counters: zero pages below zero are a figure, and the profit is read" {
	wrapped 0 -3204096
	expect 0 ksmctl procs -s "$ROOT" -p 1003 -rbn -o MERGING,ZERO,ITEMS,PROFIT
	stdout_is "0 -4096 50000 -3204096"
	stderr_is ""
	expect 0 ksmctl metrics --procs -s "$ROOT"
	stdout_has 'ksm_process_profit_bytes{pid="1003"'
	stdout_has '} -3204096'
	expect 0 ksmtop -b -s "$ROOT" -p 1003 --csv -o ZERO,PROFIT
	stdout_has "-4096,-3204096"
	# It loses 3 MiB, and is told to.
	expect 1 ksmctl doctor -s "$ROOT" -p 1003
	stdout_has "it costs more metadata than it saves"
}

@test "wrapped counters: merging below zero is no figure, and costs no other" {
	wrapped 18446744073709551590 -3204096
	expect 0 ksmctl procs -s "$ROOT" -p 1003 -J -o MERGING,ITEMS,PROFIT
	valid_json
	stdout_has '"merging": null'
	stdout_has '"profit": -3204096'
	expect 0 ksmctl procs -s "$ROOT" -p 1003 -rn -o MERGING,ITEMS
	stdout_is "- 50000"
	# In the sum it does not count.
	expect 0 ksmctl procs -s "$ROOT" --by vm -rbn -o GROUP,MERGING
	stdout_has "web01 "
	[[ $output != *-1* ]] || fail "a sum below zero" "$output"
}

@test "wrapped counters: the system's" {
	echo 18446744073709551615 >"$ROOT/sys/kernel/mm/ksm/ksm_zero_pages"
	expect 0 ksmctl get -s "$ROOT" ksm_zero_pages
	stdout_is -1
	stderr_is ""
	echo 18446744073709551615 >"$ROOT/sys/kernel/mm/ksm/pages_unshared"
	expect 0 ksmctl status -s "$ROOT"
	stderr_is "ksmctl: warning: /sys/kernel/mm/ksm/pages_unshared: not readable: unexpected contents"
	[[ $output != *EiB* ]] || fail "a count below zero is taken for a huge one" "$output"
}

# lack FILE...: a kernel, or a dump, without these files of processes.
lack() {
	local file
	for file; do
		rm -f "$ROOT"/proc/[1-9]*/"$file"
	done
}

rows() { ksmtop -b -s "$ROOT" --csv -o PID "$@" | grep -c '^[1-9]'; }

@test "no cgroups: every process is there, in no group, and guests keep their names" {
	local all members
	all=$(rows -a)
	members=$(ksmctl procs -s "$ROOT" -rn -o PID,MERGING,PROFIT)
	lack cgroup
	same "ksmtop" "$(rows -a)" "$all"
	expect 0 ksmctl procs -s "$ROOT" -rn -o PID,MERGING,PROFIT
	stdout_is "$members"
	stderr_is ""
	expect 0 ksmctl procs -s "$ROOT" --by unit -rn -o GROUP,PROCS
	stdout_is "- $(wc -l <<<"$members")"
	stderr_is ""
	expect 0 ksmctl procs -s "$ROOT" --by vm -rn -o GROUP --sort group
	stdout_has build
	expect 0 ksmctl procs -s "$ROOT" -p 1001 -rn -o CGROUP,UNIT,PID
	stdout_is "- - 1001"
	# In no cgroup there is nobody.
	expect 1 ksmctl procs -s "$ROOT" -q --cgroup /system.slice -rn -o PID
	stdout_is ""
	expect 1 ksmctl procs -s "$ROOT" -q -p 1001 --cgroup /system.slice -rn -o PID
	stdout_is ""
	expect 0 ksm-advise -c -s "$ROOT" -p 2001
	stdout_has 2001
}

@test "no smaps: processes are listed, and by which way they take part is open" {
	local members
	members=$(ksmctl procs -s "$ROOT" -rn -o PID,MERGING,PROFIT)
	lack smaps
	expect 0 ksmctl procs -s "$ROOT" -rn -o PID,MERGING,PROFIT
	stdout_is "$members"
	stderr_is ""
	expect 0 ksmctl procs -s "$ROOT" -x -p 2001 -rn -o PID,STATE
	stdout_is "2001 on"
	same "ksmtop" "$(rows)" "$(wc -l <<<"$members")"
	expect 3 ksmctl vmas -s "$ROOT" -p 2001
	stdout_is ""
	stderr_is "ksmctl: 2001: this kernel does not show mappings: it has no /proc/PID/smaps (CONFIG_PROC_PAGE_MONITOR)"
	expect 1 ksmctl vmas -s "$ROOT" -p 4242
	stderr_is "ksmctl: 4242: cannot read its mappings: No such process"
	expect 0 ksmctl doctor -s "$ROOT" -p 2001
	stderr_has "2001: its mappings are not looked at"
	expect 0 ksm-advise -c -s "$ROOT" -p 2001
	stdout_has 2001
}

@test "no ksm_stat, command line or status: absent, not gone" {
	lack ksm_stat ksm_merging_pages cmdline status
	expect 0 ksmctl procs -s "$ROOT" -a -rn -o PID,USER,MERGING,PROFIT -p 2001
	stdout_is "2001 - - -"
	stderr_is ""
	expect 0 ksmctl procs -s "$ROOT" -a --by user -rn -o GROUP,PROCS
	stdout_is "- $(rows -a)"
	expect 0 ksmctl procs -s "$ROOT" --match python3 -a -q -rn -o PID
	stdout_has 2001
	expect 0 ksmtop -b -s "$ROOT" -a
	stdout_has python3
}

@test "ksm-estimate on a kernel without smaps or pagemap" {
	local lacks=$KSM_BUILDDIR/tests/preload/lacks.so file
	[[ -f $lacks ]] || skip "tests/preload/lacks.so is not built (make check builds it)"
	# A preloaded object comes before a sanitizer's; that is meant.
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0"
	spawn sleep 1000
	for file in smaps pagemap; do
		expect 3 env KSM_TEST_LACKS=$file LD_PRELOAD="$lacks" ksm-estimate -q -p "$spawned"
		stdout_is ""
		stderr_is "ksm-estimate: this kernel does not show the pages of processes: it has no /proc/PID/smaps and pagemap (CONFIG_PROC_PAGE_MONITOR)"
	done
}

@test "save and diff while memory goes offline: the state without that bit" {
	local saved=$BATS_TEST_TMPDIR/saved
	ksmctl save -s "$ROOT" -q "$saved" || ksmctl save -s "$ROOT" >"$saved"
	echo 5 >"$ROOT/sys/kernel/mm/ksm/run"
	expect 0 ksmctl diff -s "$ROOT" "$saved"
	stdout_is ""
	expect 0 ksmctl save -s "$ROOT"
	stdout_has "run 1"
}

@test "AGE: a dump whose uptime is a container's does not tell" {
	expect 0 ksmtop -b -s "$ROOT" -p 2001 --csv -n -o PID,AGE
	[[ $output != *2001,-* && $output == *2001,[0-9]* ]] || fail "$output"
	echo "12.00 3.00" >"$ROOT/proc/uptime"
	expect 0 ksmtop -b -s "$ROOT" -p 2001 -J
	stdout_has '"age": null'
}
