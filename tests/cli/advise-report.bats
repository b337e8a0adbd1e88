#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-report.bats - ksm-advise --report: what it says, where, and that the
# command does not notice (see also tests/advise/t-stay).

load ../lib/helpers
load advise

# What differs from run to run becomes N; there may not have been time for a sample.
plain() {
	sed -E 's/process [0-9]+/process N/; s/[0-9]+\.[0-9]{3} seconds/N seconds/
		s/  -( |$)/0 B\1/g'
}

@test "text, where messages go" {
	need_prctl
	expect 3 ksm-advise --report -- sh -c 'echo out; exit 3'
	stdout_is out
	same report "$(plain <<<"$stderr")" "sh, process N, N seconds, mechanism prctl
                     PEAK         LAST
  merging             0 B          0 B
  zero                0 B          0 B
  profit              0 B          0 B"
}

@test "to a file, as JSON" {
	need_prctl
	expect 0 ksm-advise -J --report="$BATS_TEST_TMPDIR/report" -- sleep 0
	stdout_is ""
	stderr_is ""
	output=$(<"$BATS_TEST_TMPDIR/report")
	valid_json
	for key in command pid mechanism status signal seconds samples peak last \
		merging_bytes zero_bytes profit_bytes; do
		stdout_has "\"$key\":"
	done
	stdout_has '"status": 0'
	stdout_has '"command": "sleep"'
}

@test "ended by a signal" {
	need_prctl
	expect 143 ksm-advise -J --report="$BATS_TEST_TMPDIR/report" -- sh -c 'kill -TERM $$'
	output=$(<"$BATS_TEST_TMPDIR/report")
	stdout_has '"status": null'
	stdout_has '"signal": 15'
}

@test "a file that cannot be written: nothing is run" {
	expect 125 ksm-advise --report=/nonexistent/report -- echo ran
	stdout_is ""
	stderr_is "ksm-advise: /nonexistent/report: cannot write the report: No such file or directory"
}

@test "a full disk: told, and the status is the command's" {
	[[ -w /dev/full ]] || skip "no /dev/full"
	expect 6 ksm-advise -q --report=/dev/full -- sh -c 'echo out; exit 6'
	stdout_is out
	stderr_is "ksm-advise: /dev/full: cannot write the report: No space left on device"
}

@test "a closed pipe for the report" {
	need_prctl
	{
		sleep 0.5
		ksm-advise --report -- sh -c 'exit 5' 2>&1 >/dev/null ||
			echo $? >"$BATS_TEST_TMPDIR/status"
	} | :
	wait_until test -s "$BATS_TEST_TMPDIR/status"
	[[ $(<"$BATS_TEST_TMPDIR/status") == 5 ]]
}

@test "nobody to read the report: the command runs all the same" {
	need_prctl
	for option in -R -r --report; do
		expect 5 sh -c "ksm-advise -q $option -- sh -c 'echo ran; exit 5' 2>&-"
		stdout_is ran
	done
	expect 0 sh -c "ksm-advise -q --report='$BATS_TEST_TMPDIR/closed' -- true 2>&-"
	[[ -s $BATS_TEST_TMPDIR/closed ]] || fail "no report in the file"
}

@test "hostile names in a report" {
	need_prctl
	ln -s "$(type -P true)" "$BATS_TEST_TMPDIR/"$'evil\e[31m'
	expect 0 ksm-advise --report -- "$BATS_TEST_TMPDIR/"$'evil\e[31m'
	clean_text
	stderr_has 'evil\x1b[31m'
}

@test "the command cannot tell, but for its parent" {
	need_prctl
	same_probe -x '^parent ' ksm-advise --report=/dev/null --
	same_probe -x '^parent ' ksm-advise --strict --report=/dev/null --
}

@test "merging is on, and verified" {
	need_injection
	# It ends only when that was verified, or has waited for half a minute.
	local said=$BATS_TEST_TMPDIR/said
	for way in "" "-m inject" --strict "--strict -m inject"; do
		: >"$said"
		expect 0 sh -c "ksm-advise -v $way --report=/dev/null -- sh -c '$UNTIL_MERGING
			until grep -q verified $said || [ \$i -ge 3000 ]; do
				i=\$((i + 1)); sleep 0.01
			done' 2>$said"
		stdout_is merging
		contains stderr "$(<"$said")" "verified: merging"
	done
}
