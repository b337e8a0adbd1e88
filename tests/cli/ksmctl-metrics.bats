#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-metrics.bats - metrics: valid OpenMetrics, whatever the kernel has and
# whatever processes are called.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() { use_root 6.12-busy; }

# strict: stdout is OpenMetrics to the letter, and UTF-8.
strict() {
	local verdict

	verdict=$(LC_ALL=C awk -f "$KSM_SRCDIR/tests/cli/openmetrics.awk" <<<"$output") ||
		fail "no valid OpenMetrics:" "$verdict" || return
	iconv -f UTF-8 -t UTF-8 >/dev/null <<<"$output" || fail "no valid UTF-8"
}

@test "the parser of these tests finds what is wrong" {
	ok='# HELP a_b B.
# TYPE a_b gauge
a_b{x="1\\\"\n",y=""} -1.5e+3
# TYPE c counter
c_total 5
# EOF'
	output=$ok strict
	while IFS='|' read -r from to; do
		from=${from//@/$'\n'} to=${to//@/$'\n'}
		output=${ok/"$from"/"$to"}
		[[ $output != "$ok" ]] || fail "no such text: $from"
		strict 2>/dev/null && fail "not found: $to"
		:
	done <<-'EOF'
		# EOF|# eof
		@# EOF|
		c_total 5|c 5
		c_total 5|c_total -5
		c_total 5|c_total five
		c_total 5|c_total 5@c_total 6
		c_total 5|a_b 5
		c_total 5|c_total  5
		c_total 5|c_total 5 @
		x="1|x=1
		x="1|1x="1
		x="1|x="\1
		,y=""|y=""
		,y=""|,x=""
		# TYPE c counter|# TYPE c counted
		# TYPE c counter|# TYPE c_total counter
		# TYPE c counter|#TYPE c counter
		# TYPE c counter|# TYPE c counter@# TYPE c counter
		# TYPE c counter|# TYPE c counter@
		# HELP a_b B.|# HELP a_b
		c_total 5|c_total 5@# TYPE a_b gauge@a_b 3
	EOF
	output="# EOF"
	! strict 2>/dev/null
}

@test "metrics: on each kernel" {
	for root in 6.12-busy 7.3-hksm 5.15-old arm64-16k; do
		use_root $root
		expect 0 ksmctl metrics -s "$ROOT"
		golden system-$root
		strict
		root_unchanged $root
	done
}

@test "metrics: --procs, per process, on each kernel" {
	for root in 6.12-busy 7.3-hksm 6.1 arm64-16k; do
		use_root $root
		expect 0 ksmctl metrics --procs -s "$ROOT"
		strict
		output=$(grep ksm_process_ <<<"$output" | sort) golden procs-$root
	done
	use_root 5.15-old
	expect 0 ksmctl metrics --procs -s "$ROOT"
	stderr_is ""
	strict
	[[ $output != *ksm_process_* ]] || fail "figures of processes from nowhere"
}

@test "metrics: --procs=MIN leaves the small ones out" {
	count() { ksmctl metrics --procs="$1" -s "$ROOT" | grep -c '^ksm_process_merging_bytes{' || :; }
	same all "$(count 0)" 8
	same "100M" "$(count 100M)" 4
	same "1 TiB" "$(count 1T)" 0
	expect 0 ksmctl metrics --procs=1T -s "$ROOT"
	stderr_is ""
	strict
	for word in many -1 1X ""; do
		expect 2 ksmctl metrics --procs="$word" -s "$ROOT"
		stdout_is ""
		stderr_is "ksmctl: --procs: $word: not a size
Try 'ksmctl metrics --help' for more information."
	done
}

@test "metrics: negative values are legal and stay" {
	echo -5 >"$ROOT/$ksm/general_profit"
	expect 0 ksmctl metrics --procs -s "$ROOT"
	stderr_is ""
	strict
	stdout_has "
ksm_general_profit_bytes -5
"
	stdout_has 'comm="redis-server",user="41004",unit="redis.service"} -3159040'
}

@test "metrics: hostile names in labels" {
	use_root hostile
	for locale in C C.UTF-8; do
		LC_ALL=$locale expect 0 ksmctl metrics --procs -s "$ROOT"
		stderr_is ""
		strict
		[[ $locale != C ]] || clean_text
	done
	stdout_has 'comm="two\\x0alines"'
	stdout_has 'comm="json\"\\"'
	stdout_has 'vm="\\x1b[41mvm\\x0a1,2"'
}

@test "metrics: garbage is left out, not 0" {
	use_root garbage
	expect 0 ksmctl metrics --procs -s "$ROOT"
	strict
	stderr_is "ksmctl: warning: /sys/kernel/mm/ksm/run: not readable: unexpected contents"
	[[ $output != *node_ksmd_run* ]] || fail "a figure that nobody wrote"
}

@test "metrics: what may not be read is left out" {
	use_root denied
	need_unprivileged
	apply_modes
	expect 0 unprivileged ksmctl metrics --procs -s "$ROOT"
	stderr_is ""
	strict
	[[ $output != *node_ksmd_run* ]] || fail "a figure that nobody may read"
	same "processes" "$(grep -c '^ksm_process_merging_bytes{' <<<"$output")" 1
}

@test "metrics: KSM absent, operands" {
	expect 2 ksmctl metrics all -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: all: unexpected argument"
	use_root no-ksm
	expect 3 ksmctl metrics -s "$ROOT"
	stdout_is ""
	stderr_has "ksmctl: /sys/kernel/mm/ksm: this kernel has no KSM"
}
