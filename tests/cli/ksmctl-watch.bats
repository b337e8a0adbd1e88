#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-watch.bats - watch and settle where there is nothing to wait for, and
# their operands.  What they do on a running kernel is in live-ksmctl.bats.

load ../lib/helpers

setup() { use_root 6.12-busy; }

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
		settle --timeout soon|--timeout: soon: not a duration (say 500ms, 2, 1.5m, 1h)
		settle --tolerance 101|--tolerance: 101: not a percentage
		settle --tolerance -1|--tolerance: -1: not a percentage
		settle now|now: unexpected argument
	EOF
}
