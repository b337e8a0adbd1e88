#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# live-where.bats - places that were marked where merging pays, on this machine's KSM:
# what is merged stays marked, and the listings show where it is.

load ../lib/helpers
load ../lib/live

setup_file() { live_begin; }
setup() { live_setup; }
teardown() { live_teardown; }
teardown_file() { live_end; }

# A shell with a text of many MiB: all lines the same in its first half, none in the
# second; $spawned.
halves() {
	cd "$BATS_TEST_TMPDIR" || return 1
	mkfifo stay
	# shellcheck disable=SC2016
	start bash -c 'text=$(yes x | head -c 24000000; head -c 18000000 /dev/urandom | base64 -w 0)
		echo >ready; read -r -t 900 <>stay; echo "${#text}"'
	wait_until test -s ready
}

merging_above() { (($(ksmctl procs -rn -b -o MERGING -p "$1") > $2)); }
looks_above() { (($(grep -c 'still where it was marked$' err) > $1)); }

@test "again: what was merged stays marked, and is not called fleeting" {
	halves
	program=$spawned
	start ksm-advise -v --where-it-pays --again 0.3 -p "$program" >out 2>err
	again=$spawned
	wait_until looks_above 0
	ksmctl set -q pages_to_scan 10000
	ksmctl set -q sleep_millisecs 1
	ksmctl start -q
	wait_until merging_above "$program" 20000000
	wait_until looks_above $(($(grep -c 'still where it was marked$' err) + 3))
	merging_above "$program" 20000000 || fail "it was taken back: $(cat out err)"
	kill "$again"
	wait "$again" || :
	! grep -q 'do not last' err || fail "$(cat err)"
	# What it said before it looked again is all it said.
	same "lines" "$(wc -l <out)" 1
	ksm-advise -q -d -p "$program"
}

@test "strip: of a process of which half is marked" {
	halves
	expect 0 ksm-advise -q --where-it-pays -p "$spawned"
	export LC_ALL=C
	expect 0 ksmctl procs -p "$spawned" -rn -o MARKED,STRIP
	stderr_is ""
	(($(cut -d' ' -f1 <<<"$output") > 20000000)) || fail "$output"
	[[ $output =~ "##########"[0-9]*"........." ]] || fail "no such strip: $output"
	# The text is one mapping, of which marking made parts.
	expect 0 ksmctl vmas --join -p "$spawned" -rn -o SIZE,MERGE,PARTS,MARKED,STRIP --sort -size
	[[ ${lines[*]} =~ [0-9]+" part "[2-9]" "[0-9]+" "[-.]*[0-9]*"########"[#0-9]*"........" ]] ||
		fail "no parts: $output"
	expect 0 ksmctl vmas --join -p "$spawned" -J
	valid_json
	ksm-advise -q -d -p "$spawned"
	expect 0 ksmctl procs -p "$spawned" -rn -o MARKED,STRIP
	[[ $output == "0 "+([-.]) ]] || fail "marked: $output"
}
