#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-set.bats - set: checked before anything is written, written whole or
# not at all, and read back.  What the kernel itself refuses is in errors.bats.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() { use_root 6.12-idle; }

@test "set: NAME VALUE, NAME=VALUE, and both mixed" {
	expect 0 ksmctl set pages_to_scan 500 -s "$ROOT"
	stdout_is "pages_to_scan 500"
	stderr_is ""
	file_is $ksm/pages_to_scan 500
	expect 0 ksmctl set pages_to_scan=600 sleep_millisecs=10 -s "$ROOT"
	stdout_is "pages_to_scan 600
sleep_millisecs 10"
	stderr_is ""
	expect 0 ksmctl set -s "$ROOT" run 1 pages_to_scan=700 use_zero_pages on smart_scan=no
	stdout_is "run 1
pages_to_scan 700
use_zero_pages 1
smart_scan 0"
	stderr_is ""
	file_is $ksm/run 1
	file_is $ksm/pages_to_scan 700
	file_is $ksm/sleep_millisecs 10
	file_is $ksm/use_zero_pages 1
	file_is $ksm/smart_scan 0
	# Nothing else has changed.
	for name in run pages_to_scan sleep_millisecs use_zero_pages smart_scan; do
		cp "$KSM_DATA/6.12-idle/$ksm/$name" "$ROOT/$ksm/$name"
	done
	root_unchanged 6.12-idle
}

@test "set: words" {
	expect 0 ksmctl set run=running advisor_mode=scan-time -s "$ROOT"
	stdout_is "run 1
advisor_mode scan-time"
	stderr_is ""
	file_is $ksm/run 1
	file_is $ksm/advisor_mode scan-time
	expect 0 ksmctl set run=stopped -s "$ROOT"
	file_is $ksm/run 0
	for word in on yes y true 1; do
		echo 0 >"$ROOT/$ksm/smart_scan"
		expect 0 ksmctl set smart_scan=$word -s "$ROOT"
		stdout_is "smart_scan 1"
		stderr_is ""
		file_is $ksm/smart_scan 1
	done
	for word in off no n false 0; do
		echo 1 >"$ROOT/$ksm/smart_scan"
		expect 0 ksmctl set smart_scan=$word -s "$ROOT"
		stdout_is "smart_scan 0"
		stderr_is ""
		file_is $ksm/smart_scan 0
	done
}

@test "set: --quiet prints nothing" {
	expect 0 ksmctl set -q run=1 -s "$ROOT"
	stdout_is ""
	stderr_is ""
	file_is $ksm/run 1
}

@test "set: an unknown attribute gets its nearest names, and nothing is written" {
	expect 2 ksmctl set run=1 page_to_scan=5 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: page_to_scan: unknown attribute (did you mean: pages_to_scan)"
	expect 2 ksmctl set advisor_maxcpu 5 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: advisor_maxcpu: unknown attribute (did you mean: advisor_max_cpu)"
	root_unchanged 6.12-idle
}

@test "set: out of range, not a value, not writable, named twice: nothing is written" {
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 2 ksmctl set run=1 $words -s "$ROOT"
		stdout_is ""
		same "stderr of $words" "${stderr_lines[0]}" "ksmctl: $text"
		root_unchanged 6.12-idle
	done <<-'EOF'
		max_page_sharing=1|max_page_sharing: 1: out of range (2 to 2147483647)
		max_page_sharing=2147483648|max_page_sharing: 2147483648: out of range (2 to 2147483647)
		pages_to_scan=4294967296|pages_to_scan: 4294967296: out of range (0 to 4294967295)
		pages_to_scan=99999999999999999999999|pages_to_scan: 99999999999999999999999: out of range (0 to 4294967295)
		pages_to_scan=-1|pages_to_scan: -1: out of range (0 to 4294967295)
		advisor_max_cpu=101|advisor_max_cpu: 101: out of range (0 to 100)
		advisor_target_scan_time=0|advisor_target_scan_time: 0: out of range (1 to 4294967295)
		use_zero_pages=2|use_zero_pages: 2: out of range (0 or 1)
		use_zero_pages=maybe|use_zero_pages: maybe: not a value for it (0 or 1)
		advisor_mode=turbo|advisor_mode: turbo: not a value for it (none, scan-time)
		pages_to_scan=10k|pages_to_scan: 10k: not a value for it (0 to 4294967295)
		pages_to_scan=|pages_to_scan: : not a value for it (0 to 4294967295)
		pages_to_scan=0x10|pages_to_scan: 0x10: not a value for it (0 to 4294967295)
		pages_shared=1|pages_shared: cannot be set: the kernel only reports it
		general_profit 1|general_profit: cannot be set: the kernel only reports it
		run=2|run: named twice
		sleep_millisecs|sleep_millisecs: no value given
	EOF
	expect 2 ksmctl set run=3 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: 3: out of range (0 to 2)"
	expect 2 ksmctl set -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: set: no attribute named (see: ksmctl list)
Try 'ksmctl set --help' for more information."
	root_unchanged 6.12-idle
}

@test "set: --dry-run prints the writes in order and makes none" {
	expect 0 ksmctl set -n run=1 pages_to_scan=77 sleep_millisecs=5 smart_scan=1 -s "$ROOT"
	# What holds already is not written; run comes last.
	stdout_is "sleep_millisecs 5
pages_to_scan 77
run 1"
	stderr_is ""
	expect 2 ksmctl set --dry-run run=9 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: 9: out of range (0 to 2)"
	root_unchanged 6.12-idle
}

@test "set: an attribute this kernel lacks, exit 3, nothing is written" {
	use_root 5.15-old
	expect 3 ksmctl set sleep_millisecs=5 smart_scan=1 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: smart_scan: this kernel does not have /sys/kernel/mm/ksm/smart_scan (since Linux 6.7)"
	root_unchanged 5.15-old
}

@test "set: what only hksm has" {
	use_root 7.3-hksm
	expect 0 ksmctl set hksm/one_pass=off hksm/zero_only 1 hksm/split_min=32 \
		hksm/max_metadata=1073741824 -s "$ROOT"
	stdout_is "hksm/one_pass 0
hksm/zero_only 1
hksm/split_min 32
hksm/max_metadata 1073741824"
	stderr_is ""
	file_is $ksm/hksm/one_pass 0
	file_is $ksm/hksm/zero_only 1
	file_is $ksm/hksm/split_min 32
	file_is $ksm/hksm/max_metadata 1073741824
	while IFS='|' read -r words text; do
		# shellcheck disable=SC2086
		expect 2 ksmctl set run=0 $words -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: $text"
	done <<-'EOF'
		hksm/one_pass=2|hksm/one_pass: 2: out of range (0 or 1)
		hksm/zero_only=blank|hksm/zero_only: blank: not a value for it (0 or 1)
		hksm/split_min=-1|hksm/split_min: -1: out of range (0 to 4294967295)
		hksm/scanners=0|hksm/scanners: 0: out of range (1 to 16)
		hksm/max_metadata=-1|hksm/max_metadata: -1: out of range (0 to 9223372036854775807)
		hksm/longest_ptl_ns=0|hksm/longest_ptl_ns: cannot be set: it is no setting; it begins anew when 0 is written to the file
		hksm/candidates_dropped=0|hksm/candidates_dropped: cannot be set: the kernel only reports it
		one_pass=1|one_pass: unknown attribute (did you mean: hksm/one_pass)
	EOF
	file_is $ksm/run 1
	use_root 6.12-busy
	expect 3 ksmctl set sleep_millisecs=5 hksm/one_pass=1 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: hksm/one_pass: this kernel does not have /sys/kernel/mm/ksm/hksm/one_pass (its engine is ksm, and only hksm has)"
	root_unchanged 6.12-busy
}

@test "set: when the second write fails, the first is put back" {
	use_root denied
	need_unprivileged
	# use_zero_pages comes before sleep_millisecs, which comes before run.
	chmod -R a+rwX "$ROOT"
	chmod 0444 "$ROOT/$ksm/sleep_millisecs"
	before=$(<"$ROOT/$ksm/use_zero_pages")
	expect 1 unprivileged ksmctl set run=1 use_zero_pages=$((!before)) sleep_millisecs=7 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot set to 7: Permission denied (needs root, or CAP_DAC_OVERRIDE); the others were put back"
	file_is $ksm/use_zero_pages "$before"
	file_is $ksm/sleep_millisecs "$(<"$KSM_DATA/denied/$ksm/sleep_millisecs")"
	file_is $ksm/run "$(<"$KSM_DATA/denied/$ksm/run")"
}

@test "set: all writes fail: nothing to put back" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 1 unprivileged ksmctl set sleep_millisecs=7 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot set to 7: Permission denied (needs root, or CAP_DAC_OVERRIDE)"
	chmod -R u+rwX "$ROOT"
	root_unchanged denied
}

@test "set: what is in force is read back, and told when it differs" {
	# A stand-in for a kernel that ties two values: the second write changes the first.
	ln -f "$ROOT/$ksm/sleep_millisecs" "$ROOT/$ksm/pages_to_scan"
	expect 0 ksmctl set sleep_millisecs=5 pages_to_scan=6 -s "$ROOT"
	stdout_is "pages_to_scan 6
sleep_millisecs 6"
	stderr_is "ksmctl: warning: sleep_millisecs: asked for 5, in force is 6"
}

@test "set: garbage that stands in a file cannot be put back, so it is not replaced" {
	use_root garbage
	expect 1 ksmctl set run=1 -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: run: cannot set to 1"
	stderr_has "unexpected contents"
	root_unchanged garbage
}

@test "set: KSM absent" {
	use_root no-ksm
	expect 3 ksmctl set run=1 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM (it needs Linux 2.6.32 or later with CONFIG_KSM, and /sys mounted)"
	root_unchanged no-ksm
}

@test "set: a name with an escape sequence" {
	expect 2 ksmctl set $'\e[2J=1' -s "$ROOT"
	stdout_is ""
	clean_text
	stderr_has 'ksmctl: \x1b[2J: unknown attribute'
	expect 2 ksmctl set $'run=\e]0;x\a' -s "$ROOT"
	stdout_is ""
	clean_text
	stderr_is 'ksmctl: run: \x1b]0;x\x07: not a value for it (0 to 2)'
	root_unchanged 6.12-idle
}
