#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-status.bats - the one screen: what it says of each kernel, and that
# unknown, forbidden, absent and zero stay apart.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

@test "status: text on each kernel" {
	for root in 6.12-idle 6.12-busy 7.3-busy 7.3-hksm 6.1 5.15-old arm64-16k cgroup-v1; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status
		golden text-$root
		root_unchanged $root
	done
}

@test "status: JSON on each kernel" {
	for root in 6.12-busy 7.3-hksm 5.15-old; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status -J
		golden json-$root
		valid_json
	done
}

@test "status: is what runs without a command" {
	use_root 6.12-busy
	expect 0 ksmctl -s "$ROOT"
	stderr_is ""
	same "the two outputs" "$output" "$(ksmctl status -s "$ROOT")"
}

@test "status: --bytes prints plain numbers" {
	use_root 6.12-busy
	expect 0 ksmctl status -b -s "$ROOT"
	golden bytes
	expect 0 ksmctl status --bytes -s "$ROOT"
	golden bytes
}

@test "status: no line is wider than 80 columns" {
	for root in 6.12-idle 6.12-busy 7.3-busy 7.3-hksm 6.1 arm64-16k; do
		use_root $root
		expect 0 ksmctl -s "$ROOT" status
		stderr_is ""
		while IFS= read -r line; do
			((${#line} <= 80)) || fail "$root: ${#line} columns: $line"
		done <<<"$output"
	done
}

@test "status: the words of run" {
	use_root 6.12-busy
	# 4 is added while memory goes offline (mm/ksm.c, KSM_RUN_OFFLINE).
	for row in "0:stopped" "1:running" "2:unmerging" "5:running, memory going offline" "8:unknown"; do
		echo "${row%%:*}" >"$ROOT/$ksm/run"
		expect 0 ksmctl status -s "$ROOT"
		stderr_is ""
		same "run ${row%%:*}" "${lines[0]}" "state      ${row#*:}"
	done
}

@test "status: merging that costs more than it saves is negative, and a warning" {
	use_root 6.12-busy
	echo -3145728 >"$ROOT/$ksm/general_profit"
	expect 0 ksmctl status -s "$ROOT"
	stdout_has "profit     -3 MiB"
	stdout_has "warning    merging costs more memory for its metadata than it saves
             ksmctl procs --sort PROFIT"
	stderr_is ""
	expect 0 ksmctl status -J -s "$ROOT"
	stdout_has '"profit": -3145728,'
	stderr_is ""
	valid_json
}

@test "status: a negative profit is red on a terminal, and only there" {
	use_root 6.12-busy
	echo -3145728 >"$ROOT/$ksm/general_profit"
	command -v script >/dev/null || skip "no script(1) to make a terminal"
	unset NO_COLOR
	TERM=xterm expect 0 script -qec "ksmctl status -s '$ROOT'" /dev/null
	stdout_has $'profit     \e[31m-3 MiB\e[0m'
	stderr_is ""
	TERM=xterm expect 0 ksmctl status -s "$ROOT"
	stdout_has "profit     -3 MiB"
	stderr_is ""
	clean_text
	NO_COLOR=1 TERM=xterm expect 0 script -qec "ksmctl status -s '$ROOT'" /dev/null
	stdout_has "profit     -3 MiB"
	stderr_is ""
}

@test "status: stopped with merged pages says that they stay" {
	use_root 6.12-busy
	echo 0 >"$ROOT/$ksm/run"
	expect 0 ksmctl status -s "$ROOT"
	stderr_is ""
	stdout_has "warning    merging is stopped: merged pages stay merged, new ones are not found
             ksmctl start"
}

@test "status: an advisor this program does not know keeps its name, cleaned" {
	use_root 6.12-busy
	printf 'none [\e[31mevil]\n' >"$ROOT/$ksm/advisor_mode"
	expect 0 ksmctl status -s "$ROOT"
	clean_text
	stderr_is ""
	stdout_has 'advisor    \x1b[31mevil'
	expect 0 ksmctl status -J -s "$ROOT"
	stdout_has '"advisor_mode": "\u001b[31mevil"'
	stderr_is ""
	valid_json
}

@test "status: garbage in the files is unknown, never a state or a zero" {
	use_root garbage
	expect 0 ksmctl -s "$ROOT" status
	golden text-garbage
	expect 0 ksmctl -s "$ROOT" status -J
	golden json-garbage
	valid_json
}

@test "status: empty files are unknown" {
	use_root 6.12-busy
	: >"$ROOT/$ksm/run"
	: >"$ROOT/$ksm/pages_sharing"
	expect 0 ksmctl -s "$ROOT" status
	stderr_is "ksmctl: warning: /sys/kernel/mm/ksm/run: not readable: unexpected contents"
	same "state" "${lines[0]}" "state      unknown"
	stdout_has "saved      unknown"
	stdout_has "profit     unknown"
	expect 0 ksmctl -q -s "$ROOT" status -J
	stderr_is ""
	stdout_has '"state": null,'
	stdout_has '"saved": null,'
	valid_json
}

@test "status: what may not be read is denied" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 0 unprivileged ksmctl -s "$ROOT" status
	golden text-denied
	expect 0 unprivileged ksmctl -s "$ROOT" status -J
	golden json-denied
	valid_json
}

@test "status: takes no argument" {
	use_root 6.12-busy
	expect 2 ksmctl status now -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: now: unexpected argument
Try 'ksmctl status --help' for more information."
}
