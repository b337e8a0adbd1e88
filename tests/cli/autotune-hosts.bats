#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-hosts.bats - the daemon on hosts that lack something: control groups of
# version 2, pressure figures, KSM, a configuration, a daemon.

load ../lib/helpers

setup() {
	need_autotune
	conf=$BATS_TEST_TMPDIR/conf
}

# explain ROOT: what a daemon would decide there, by $conf.
explain() {
	use_root "$1"
	expect 0 ksm-autotune -s "$ROOT" explain -C "$conf"
	root_unchanged "$1"
}

@test "control groups of version 1: rules match by them" {
	printf '[rule %s]\n%s\nadvise=as-is\n' \
		vms 'match-cgroup=/machine/*' \
		unit match-unit=redis.service \
		docker 'match-cgroup=/docker/*' >"$conf"
	explain cgroup-v1
	stderr_is ""
	stdout_has "rule vms matches 1 process; 1 is left alone"
	stdout_has "rule unit matches 1 process; 1 is left alone"
}

@test "no pressure figures: by available memory alone, and status says that they are not known" {
	printf '[scanner]\nneed=memory\navailable-below=0%%\navailable-above=0%%\n' >"$conf"
	explain 6.12-busy
	stdout_has "memory is not short"
	rm -r "$ROOT/proc/pressure"
	expect 0 ksm-autotune -s "$ROOT" run -n -c 1 -C "$conf"
	stdout_is ""
	stderr_is "watch at 0.5 % of a CPU: memory is not short"
	# Of all memory that is available, less than all of it is.
	printf '[scanner]\nneed=memory\navailable-below=100%%\navailable-above=100%%\nneed-for=0s\n' \
		>"$conf"
	expect 0 ksm-autotune -s "$ROOT" run -n -c 1 -C "$conf"
	stderr_has "40 % of memory available, less than 100 % for 0 s"
	use_root 6.12-tuned
	sed -i '/^some_pct=/d; /^full_pct=/d' "$ROOT/run/ksm-autotune/decision"
	expect 0 ksm-autotune -s "$ROOT" status
	stdout_has "pressure some not known, full not known"
}

@test "no KSM" {
	use_root no-ksm
	for verb in "run -n -c 1" explain; do
		# shellcheck disable=SC2086 # words
		expect 3 ksm-autotune -s "$ROOT" $verb -C /dev/null
		stdout_is ""
		stderr_is "ksm-autotune: cannot begin: this kernel has no KSM (CONFIG_KSM)"
	done
	root_unchanged no-ksm
}

@test "no configuration that could be read" {
	use_root 6.12-busy
	for file in "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/none"; do
		expect 1 ksm-autotune -s "$ROOT" run -n -c 1 -C "$file"
		stdout_is ""
		stderr_has "ksm-autotune: $file: cannot read"
	done
	root_unchanged 6.12-busy
}

@test "no daemon" {
	use_root 6.12-busy
	expect 1 ksm-autotune -s "$ROOT" status
	stderr_is "ksm-autotune: no daemon runs (explain says what one would decide)"
	expect 1 ksm-autotune -s "$ROOT" verify
	stderr_is "ksm-autotune: no daemon runs"
	expect 0 ksm-autotune -s "$ROOT" explain -C /dev/null
	stdout_has "No ksm-autotune runs; one that began now would decide:"
	root_unchanged 6.12-busy
}
