#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-options.bats - ksm-advise: options, which of them go together, and the
# exit status of a mistake: 2, or 125 where a command would have been run.

load ../lib/helpers
load advise

try="Try 'ksm-advise --help' for more information."

@test "help goes to standard output" {
	expect 0 ksm-advise --help
	golden help
}

@test "options are listed for completion" {
	expect 0 ksm-advise --list-options
	golden list-options
}

@test "nothing to do is a mistake" {
	expect 2 ksm-advise
	stdout_is ""
	stderr_is "ksm-advise: neither a COMMAND nor processes given
$try"
}

@test "mistakes: processes" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 2 ksm-advise $words
		stdout_is ""
		stderr_is "ksm-advise: $text
$try"
	done <<-'EOF'
		--bogus|unknown option '--bogus'
		-p 0|0: not a process number
		-p -1|-1: not a process number
		-p 1x|1x: not a process number
		-p 1,,2|: not a process number
		-p 99999999999|99999999999: not a process number
		-c|--check needs processes (-p, --match, --user, --cgroup)
		-p 1 -r|--report needs a COMMAND
		-p 1 --strict|--strict needs a COMMAND
		-p 1 -m preload|preload cannot reach a running process
		-p 1 -m magic|magic: unknown mechanism (auto, prctl, inject, preload)
		-p 1 -S|with running processes, --scanner needs --wait
		-p 1 --timeout 3|--timeout needs --wait
		-p 1 -w --timeout never|--timeout: never: not a duration (say 500ms, 2, 1.5m, 1h)
		-p 1 -w --timeout 0|--timeout: 0: not a duration (say 500ms, 2, 1.5m, 1h)
		-p 1 -w -d|--disable and --wait exclude each other
		-p 1 -m prctl --where-it-pays|--where-it-pays marks ranges, which the prctl cannot
		--where-it-pays|neither a COMMAND nor processes given
		-p 1 -c --where-it-pays=0|--where-it-pays: 0: not a percentage above 0, up to 100
		-p 1 -c --where-it-pays=x|--where-it-pays: x: not a percentage above 0, up to 100
		-p 1 -c -d --where-it-pays|--where-it-pays and --disable exclude each other
		-p 1 --again 1|--again needs --where-it-pays
		-p 1 --where-it-pays --again never|--again: never: not a duration (say 500ms, 2, 1.5m, 1h)
		-p 1 --where-it-pays --again 0|--again: 0: not a duration (say 500ms, 2, 1.5m, 1h)
		-p 1 --where-it-pays --again 1 -c|--again and --check exclude each other
		-p 1 --where-it-pays --again 1 -w|--again and --wait exclude each other
		-p 1 -w -c|--check and --wait exclude each other
		-p 1 -f|--force needs --disable
		-p 1 --madvised|--madvised needs --disable
		-p 1 -J|--json needs --report or --check
		-p 1 -c --sort|unknown option '--sort'
		-p 1 true|a COMMAND and running processes exclude each other
		--tree|neither a COMMAND nor processes given
		-m inject|neither a COMMAND nor processes given
	EOF
}

@test "mistakes: a command" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 125 ksm-advise $words
		stdout_is ""
		stderr_is "ksm-advise: $text
$try"
	done <<-'EOF'
		--bogus -- echo ran|unknown option '--bogus'
		--bogus echo ran|unknown option '--bogus'
		-m magic echo ran|magic: unknown mechanism (auto, prctl, inject, preload)
		--tree -- echo ran|--tree needs running processes, not a COMMAND
		--again 1 -- echo ran|--again needs --where-it-pays
		--where-it-pays -- echo ran|--where-it-pays needs running processes, not a COMMAND
		-w -- echo ran|--wait needs running processes, not a COMMAND
		--timeout 3 -- echo ran|--timeout needs --wait
		-J -- echo ran|--json needs --report or --check
		-f -- echo ran|--force needs --disable
		-d --madvised -- echo ran|--madvised needs running processes, not a COMMAND
		-d -r -- echo ran|--disable and --report exclude each other
		-d -S -- echo ran|--disable and --scanner exclude each other
		-d --strict -- echo ran|--disable and --strict exclude each other
	EOF
	expect 125 ksm-advise -c -- echo ran
	stderr_is "ksm-advise: --check needs running processes, not a COMMAND
$try"
}

@test "an unknown column is named" {
	expect 2 ksm-advise -c -p 1 -o PID,BOGUS
	stdout_is ""
	stderr_has "BOGUS"
}

@test "a bad pattern and an unknown user are named" {
	need_ksm
	expect 2 ksm-advise -c --match '('
	stdout_is ""
	stderr_has 'bad regular expression "("'
	expect 2 ksm-advise -c --user no-such-user
	stderr_has 'unknown user "no-such-user"'
}

@test "options end at the command" {
	expect 0 ksm-advise -q echo -v --help -p 1
	stdout_is "-v --help -p 1"
	stderr_is ""
	expect 0 ksm-advise -q -- echo -- x
	stdout_is "-- x"
}

@test "a dump can be looked at, not changed" {
	use_root 6.12-busy
	pid=$(cd "$ROOT/proc" && printf '%s\n' [0-9]* | head -n 1)
	expect 3 ksm-advise -s "$ROOT" -p "$pid"
	stdout_is ""
	stderr_is "ksm-advise: $ROOT: a dump of a system has no running processes"
	expect 125 ksm-advise -s "$ROOT" -- echo ran
	stdout_is ""
	stderr_is "ksm-advise: $ROOT: a command runs on the running system only"
	root_unchanged 6.12-busy
}

@test "a dump that is none" {
	expect 1 ksm-advise -s "$BATS_TEST_TMPDIR/none" -p 1
	stdout_is ""
	stderr_is "ksm-advise: $BATS_TEST_TMPDIR/none: cannot open: No such file or directory"
	expect 125 ksm-advise -s "$BATS_TEST_TMPDIR/none" -- true
}
