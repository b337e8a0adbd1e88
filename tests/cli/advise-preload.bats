#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise-preload.bats - the library for kernels without the prctl, which works on
# this one too.

load ../lib/helpers
load advise

setup() {
	need_ksm
	[[ -r /proc/self/smaps ]] || skip "needs /proc/PID/smaps"
	export KSM_ADVISE_PRELOAD=$KSM_BUILDDIR/libksm-advise-preload.so
	[[ -e $KSM_ADVISE_PRELOAD ]] || skip "the library is not built"
}

@test "memory is mergeable however it appears" {
	run "$GROW"
	[[ $output != *"heap all"* ]] || skip "merging is on for this shell"
	expect 0 ksm-advise -q -m preload -- "$GROW"
	stderr_is ""
	stdout_is "heap all
arena all
large all
calloc all
realloc all
mmap all
shared none
mremap all
memalign all
array all
pvalloc all
sbrk all"
}

@test "in children too, by the environment" {
	expect 0 ksm-advise -q -m preload -- sh -c '"$0"' "$GROW"
	stdout_has "heap all"
	expect 0 ksm-advise -q -m preload -- sh -c 'echo $LD_PRELOAD'
	stdout_is "$KSM_ADVISE_PRELOAD"
}

@test "what was to be preloaded before still is, and ours only once" {
	need_plain
	ours=$KSM_ADVISE_PRELOAD
	LD_PRELOAD=/other.so expect 0 ksm-advise -q -m preload -- sh -c 'echo $LD_PRELOAD' 2>/dev/null
	stdout_is "/other.so:$ours"
	expect 0 ksm-advise -q -m preload -- ksm-advise -q -m preload -- sh -c 'echo $LD_PRELOAD'
	stdout_is "$ours"
}

@test "off: the library is taken out again" {
	need_plain
	expect 0 ksm-advise -q -m preload -- ksm-advise -d -- sh -c 'echo ${LD_PRELOAD-unset}'
	stdout_is unset
	LD_PRELOAD="/one.so /two.so" expect 0 ksm-advise -d -- sh -c 'echo $LD_PRELOAD' 2>/dev/null
	stdout_is "/one.so /two.so"
}

@test "nothing else is different" {
	same_probe -x '^environment: LD_PRELOAD=' ksm-advise -q -m preload --
}

@test "a library that is not there" {
	KSM_ADVISE_PRELOAD=/nonexistent/lib.so expect 125 ksm-advise -m preload -- echo ran
	stdout_is ""
	stderr_is "ksm-advise: /nonexistent/lib.so: cannot preload: No such file or directory"
	mkdir "$BATS_TEST_TMPDIR/a b"
	cp "$KSM_ADVISE_PRELOAD" "$BATS_TEST_TMPDIR/a b/lib.so"
	KSM_ADVISE_PRELOAD="$BATS_TEST_TMPDIR/a b/lib.so" \
		expect 125 ksm-advise -m preload -- echo ran
	stderr_is "ksm-advise: $BATS_TEST_TMPDIR/a b/lib.so: cannot preload: Invalid argument"
}

@test "programs that would ignore it are told apart" {
	cp "$(command -v sleep)" "$BATS_TEST_TMPDIR/setid"
	chmod u+s "$BATS_TEST_TMPDIR/setid"
	expect 125 ksm-advise -m preload -- "$BATS_TEST_TMPDIR/setid" 0
	stderr_is "ksm-advise: $BATS_TEST_TMPDIR/setid: cannot enable merging: it changes its user or group, and then ignores the preload library"
	command -v "${CC:-cc}" >/dev/null || skip "the rest needs a compiler"
	echo 'int main(void) { return 0; }' >"$BATS_TEST_TMPDIR/t.c"
	"${CC:-cc}" -static -o "$BATS_TEST_TMPDIR/static" "$BATS_TEST_TMPDIR/t.c" 2>/dev/null ||
		skip "the rest needs a static C library"
	expect 125 ksm-advise -m preload -- "$BATS_TEST_TMPDIR/static"
	stderr_is "ksm-advise: $BATS_TEST_TMPDIR/static: cannot enable merging: it is statically linked and takes no preload library"
}

@test "programs of many kinds run with it" {
	for words in "perl -e print(1+1)" "python3 -c print(1+1)" "awk BEGIN{print(1+1)}"; do
		# shellcheck disable=SC2086
		command -v ${words%% *} >/dev/null || continue
		# shellcheck disable=SC2086
		expect 0 ksm-advise -q -m preload -- $words
		stdout_is 2
		stderr_is ""
	done
}
