#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-report.bats - the page for a ticket: all of it is there, and nobody is named.

load ../lib/helpers

# page ROOT [OPTION...]: the page, with a version that does not change.
page() {
	use_root "$1"
	shift
	expect 0 ksmctl -s "$ROOT" report "$@"
	output=$(sed '1s/  .*/  VERSION/' <<<"$output")
}

@test "report: the page" {
	page 6.12-busy
	golden busy
	page 6.12-tuned
	golden tuned
	page 5.15-old
	golden old
}

@test "report: what status and doctor print is in it" {
	for root in 6.12-busy 6.12-tuned 7.3-hksm; do
		page "$root"
		all=$output
		expect 0 ksmctl -s "$ROOT" status
		contains "the page" "$all" "$output"
		run ksmctl -s "$ROOT" doctor
		# Names of processes are left out.
		contains "the page" "$all" "$(sed 's/^\(pid [0-9]*: \)[^:]*: /\1/' <<<"$output")"
	done
}

@test "report: nobody is named but by request" {
	page 6.12-busy
	for word in redis qemu python web01 41002 41003 libvirt machine; do
		[[ $output != *"$word"* ]] || fail "it has: $word" "$output" || return
	done
	page 6.12-busy --by vm
	stdout_has web01
	stdout_has "Mergeable processes by vm"
	page 6.12-busy --by comm
	stdout_has redis-server
	expect 2 ksmctl -s "$ROOT" report --by x
	stderr_has "ksmctl: --by: x: not a way to group"
	expect 2 ksmctl report x
	stderr_has "ksmctl: x: unexpected argument"
	root_unchanged 6.12-busy
}

@test "report: of a dump it is the same" {
	page 6.12-busy
	all=$output
	expect 0 ksmctl -s "$ROOT" dump "$BATS_TEST_TMPDIR/dump"
	expect 0 ksmctl -s "$BATS_TEST_TMPDIR/dump" report
	same "the page" "$(tail -n +2 <<<"$output")" "$(tail -n +2 <<<"$all")"
}

@test "report: hostile names and a hostile release" {
	use_root hostile
	printf 'page_size 4096\nclock_tick 100\nrelease 6.12\033[31m\n' >"$ROOT/meta"
	expect 0 ksmctl -s "$ROOT" report --by comm
	clean_text
}

@test "report: without KSM, the kernel is told all the same" {
	use_root no-ksm
	expect 3 ksmctl -s "$ROOT" report
	stdout_has "kernel     Linux "
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM "
}

@test "report: of this machine" {
	[[ -r /sys/kernel/mm/ksm/run ]] || skip "no KSM here"
	expect 0 ksmctl report
	stdout_has "kernel     Linux $(uname -r)"
	stdout_has "pages_to_scan "
	((${#lines[@]} < 70)) || fail "more than a page: ${#lines[@]} lines"
}
