#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# errors.bats - what is said when the kernel refuses: the errno, the reason, and
# what to do first.  The refusals come from tests/preload/refuse.c; those that a
# running kernel can be brought to are in live-ksmctl.bats too.

load ../lib/helpers

ksm=sys/kernel/mm/ksm

setup() {
	use_root 6.12-busy
	REFUSE=$KSM_BUILDDIR/tests/preload/refuse.so
	[[ -f $REFUSE ]] || skip "tests/preload/refuse.so is not built (make check builds it)"
}

# refusing RULES COMMAND...: see tests/preload/refuse.c.
refusing() {
	local rules=$1
	shift
	# A preloaded object comes before a sanitizer's; that is meant.
	env KSM_TEST_REFUSE="$rules" LD_PRELOAD="$REFUSE" \
		ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0" "$@"
}

# refused RULES SETTING TEXT: setting fails with that text, and changes nothing.
refused() {
	local rules=$1 setting=$2
	expect 1 refusing "$rules" ksmctl set "$setting" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: $3"
}

EPERM=1 EINTR=4 EIO=5 ENOMEM=12 EACCES=13 EBUSY=16 EINVAL=22 EROFS=30

@test "pages_to_scan while the advisor drives it" {
	refused pages_to_scan:$EINVAL pages_to_scan=5 \
		'pages_to_scan: cannot set to 5: Invalid argument (advisor_mode is "scan-time" and drives it; first: ksmctl set advisor_mode none)'
	root_unchanged 6.12-busy
	# The same errno without an advisor has no such reason.
	echo "[none] scan-time" >"$ROOT/$ksm/advisor_mode"
	refused pages_to_scan:$EINVAL pages_to_scan=5 \
		'pages_to_scan: cannot set to 5: Invalid argument'
}

@test "advisor_mode of another kernel, in a file" {
	printf 'sleep_millisecs 7\nadvisor_mode psi\n' >"$BATS_TEST_TMPDIR/file"
	expect 1 refusing advisor_mode:$EINVAL ksmctl restore "$BATS_TEST_TMPDIR/file" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: advisor_mode: cannot set to psi: Invalid argument (this kernel has no advisor of that name); the others were put back"
	file_is $ksm/sleep_millisecs 20
	file_is $ksm/advisor_mode "none [scan-time]"
}

@test "merge_across_nodes and max_page_sharing while pages are merged" {
	for setting in merge_across_nodes=0 max_page_sharing=9; do
		name=${setting%=*}
		echo 52360 >"$ROOT/$ksm/pages_shared"
		refused $name:$EBUSY $setting \
			"$name: cannot set to ${setting#*=}: Device or resource busy (pages are merged; first: ksmctl unmerge)"
		root_unchanged 6.12-busy
		echo 0 >"$ROOT/$ksm/pages_shared"
		refused $name:$EBUSY $setting \
			"$name: cannot set to ${setting#*=}: Device or resource busy (ksmd still holds merged pages; first: ksmctl unmerge)"
	done
}

@test "run: unmerging that has no memory, or is interrupted" {
	refused run:$ENOMEM run=2 \
		"run: cannot set to 2: Cannot allocate memory (unmerging needs more memory than is free; the kernel stopped merging)"
	refused run:$EINTR run=2 \
		"run: cannot set to 2: Interrupted system call (interrupted; part of the memory is unmerged and merging is stopped)"
	root_unchanged 6.12-busy
	expect 1 refusing run=2:$ENOMEM ksmctl unmerge -q -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: cannot unmerge: Cannot allocate memory (unmerging needs more memory than is free; the kernel stopped merging)"
	expect 1 refusing run=2:$EINTR ksmctl unmerge -q -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: cannot unmerge: Interrupted system call (interrupted; part of the memory is unmerged and merging is stopped)"
}

@test "no permission" {
	refused sleep_millisecs:$EACCES sleep_millisecs=5 \
		"sleep_millisecs: cannot set to 5: Permission denied (needs root, or CAP_DAC_OVERRIDE)"
	refused run:$EPERM run=0 \
		"run: cannot set to 0: Operation not permitted (needs root, or CAP_DAC_OVERRIDE)"
	root_unchanged 6.12-busy
	for words in stop "start 5 5" unmerge "profile off"; do
		KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles \
			expect 1 refusing "run:$EACCES,pages_to_scan:$EACCES,sleep_millisecs:$EACCES" \
			ksmctl -q -s "$ROOT" $words
		stdout_is ""
		stderr_has ": Permission denied (needs root, or CAP_DAC_OVERRIDE)"
		root_unchanged 6.12-busy
	done
}

@test "/sys mounted read-only" {
	refused run:$EROFS run=0 \
		"run: cannot set to 0: Read-only file system (/sys is mounted read-only, as in most containers; use the host, or: mount -o remount,rw /sys)"
	root_unchanged 6.12-busy
}

@test "/sys mounted read-only, by a real mount" {
	# shellcheck disable=SC2016
	read_only() {
		# No mount gets out of a user namespace; / need not be a mount point.
		unshare -rm --propagation unchanged sh -c 'mount --bind "$0" "$0" &&
			mount -o remount,bind,ro "$0" && exec "$@"' "$ROOT/sys" "$@"
	}
	read_only true 2>/dev/null || skip "no right to make a mount namespace"
	expect 1 read_only ksmctl set sleep_millisecs=5 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: sleep_millisecs: cannot set to 5: Read-only file system (/sys is mounted read-only, as in most containers; use the host, or: mount -o remount,rw /sys)"
	expect 1 read_only ksmctl unmerge -q -s "$ROOT"
	stdout_is ""
	stderr_has "run: cannot unmerge: Read-only file system (/sys is mounted read-only"
	root_unchanged 6.12-busy
}

@test "a refusal without a known reason is told as it is" {
	refused smart_scan:$EIO smart_scan=0 "smart_scan: cannot set to 0: Input/output error"
	root_unchanged 6.12-busy
}

@test "every reason in the table of attributes is tested here" {
	reasons=$(sed -n '/} hints\[\] = {/,/^};/p' "$KSM_SRCDIR/tools/libksm/attrs.c" |
		tr '\n\t' '  ' | sed 's/"  *"//g' | grep -oE '"([^"\\]|\\.)+"' | sort -u)
	(($(wc -l <<<"$reasons") >= 6)) || fail "the table was not found"
	while IFS= read -r reason; do
		reason=${reason:1:-1}
		grep -qF -e "${reason//\\\"/\"}" "$BATS_TEST_FILENAME" || fail "no test: $reason"
	done <<<"$reasons"
}

@test "set: when a later write fails, what was written is put back, last first" {
	KSM_DEBUG=path expect 1 refusing sleep_millisecs:$EIO ksmctl set run=0 use_zero_pages=0 \
		smart_scan=0 sleep_millisecs=5 -s "$ROOT"
	stdout_is ""
	same "last line" "${stderr_lines[-1]}" \
		"ksmctl: sleep_millisecs: cannot set to 5: Input/output error; the others were put back"
	same "writes" "$(sed -n 's|^write /sys/kernel/mm/ksm/||p' <<<"$stderr")" "use_zero_pages: 0
smart_scan: 0
sleep_millisecs: Input/output error
smart_scan: 1
use_zero_pages: 1"
	file_is $ksm/use_zero_pages 1
	file_is $ksm/smart_scan 1
	file_is $ksm/sleep_millisecs 20
	file_is $ksm/run 1
}

@test "set: what cannot be put back is named" {
	expect 1 refusing "use_zero_pages=1:$EIO,sleep_millisecs:$EIO" \
		ksmctl set use_zero_pages=0 smart_scan=0 sleep_millisecs=5 -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: use_zero_pages: could not be put back
ksmctl: sleep_millisecs: cannot set to 5: Input/output error"
	# The others were tried all the same.
	file_is $ksm/smart_scan 1
}

@test "set: the advisor and its rate are put back together" {
	echo "[none] scan-time" >"$ROOT/$ksm/advisor_mode"
	expect 1 refusing run:$EIO ksmctl set run=0 advisor_mode=scan-time -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: cannot set to 0: Input/output error; the others were put back"
	file_is $ksm/advisor_mode none
	file_is $ksm/pages_to_scan 870
	file_is $ksm/run 1
}

@test "restore: a refused setting puts all back" {
	printf 'use_zero_pages 0\nsleep_millisecs 9\nrun 0\n' >"$BATS_TEST_TMPDIR/settings"
	expect 1 refusing run:$EIO ksmctl restore "$BATS_TEST_TMPDIR/settings" -s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: run: cannot set to 0: Input/output error; the others were put back"
	file_is $ksm/use_zero_pages 1
	file_is $ksm/sleep_millisecs 20
	file_is $ksm/run 1
}

@test "restore: --keep-merged is refused where pages are merged" {
	echo "max_page_sharing 100" >"$BATS_TEST_TMPDIR/settings"
	expect 1 refusing max_page_sharing:$EBUSY ksmctl restore -k "$BATS_TEST_TMPDIR/settings" \
		-s "$ROOT"
	stdout_is ""
	stderr_is "ksmctl: max_page_sharing: cannot set to 100: Device or resource busy (pages are merged; first: ksmctl unmerge)"
	root_unchanged 6.12-busy
}

@test "set: a kernel that takes a value and holds another" {
	# advisor_max_cpu is cut to 32 bits by mm/ksm.c; any such cut is told.
	expect 0 refusing 'sleep_millisecs>7' ksmctl set sleep_millisecs=5 -s "$ROOT"
	stdout_is "sleep_millisecs 7"
	stderr_is "ksmctl: warning: sleep_millisecs: asked for 5, in force is 7"
	expect 0 refusing 'sleep_millisecs>7' ksmctl set -q sleep_millisecs=5 -s "$ROOT"
	stdout_is ""
	stderr_is ""
}
