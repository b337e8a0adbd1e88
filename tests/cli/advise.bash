# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# advise.bash - what the tests of ksm-advise share; loaded after helpers.
#
# Most of them run on the kernel that runs here and need no KSM to be running: the
# state of a process shows in its smaps at once.

PROBE=$KSM_BUILDDIR/tests/advise/probe
GROW=$KSM_BUILDDIR/tests/advise/grow

# kernel_is MAJOR.MINOR: at least that.
kernel_is() {
	local have want
	IFS=.- read -r -a have <<<"$(uname -r)"
	IFS=. read -r -a want <<<"$1"
	((have[0] * 1000 + have[1] >= want[0] * 1000 + want[1]))
}

need_ksm() {
	[[ -d /sys/kernel/mm/ksm ]] || skip "this kernel has no KSM"
}

# need_prctl: the setting is inherited by exec, and readable.
need_prctl() {
	need_ksm
	kernel_is 6.10 || skip "needs PR_SET_MEMORY_MERGE and its inheritance (Linux 6.10)"
	[[ -r /proc/self/smaps ]] || skip "needs /proc/PID/smaps"
}

need_injection() {
	need_prctl
	[[ $(uname -m) == x86_64 || $(uname -m) == aarch64 ]] ||
		skip "injection is not supported on $(uname -m)"
	[[ $(awk '/^Seccomp:/ { print $2 }' /proc/self/status) == 0 ]] ||
		skip "a seccomp filter is in force here"
	[[ $(awk '/^TracerPid:/ { print $2 }' /proc/self/status) == 0 ]] ||
		skip "this shell is traced"
}

need_plain() {
	! sanitized || skip "not with the runtime of a sanitizer"
}

# merging PID: "on" when it has a mergeable mapping.
merging() {
	if grep -q '^VmFlags:.* mg' "/proc/$1/smaps"; then echo on; else echo off; fi
}

# What a shell runs to wait until it is merging itself, and to say so.
# shellcheck disable=SC2016
UNTIL_MERGING='i=0
	until grep -q "^VmFlags:.* mg" /proc/$$/smaps; do
		i=$((i + 1)); [ $i -lt 3000 ] || exit 1
		sleep 0.01
	done
	echo merging'

is_merging() { [[ $(merging "$1") == "$2" ]]; }

# asleep PID: it has begun, and waits.
asleep() { [[ $(cut -d' ' -f3 "/proc/$1/stat") == S ]]; }

# target [COMMAND...]: a process to change; $spawned is its pid.
target() {
	(($#)) || set -- sleep 1000
	spawn "$@"
	wait_until is_called "$spawned" "${1##*/}"
	wait_until asleep "$spawned"
}

# spawn_unprivileged COMMAND...: spawn by a user whom mode bits stop.
spawn_unprivileged() {
	if ((EUID)); then
		spawn "$@"
	else
		spawn setpriv --reuid=65534 --regid=65534 --clear-groups -- "$@"
	fi
}

is_called() { [[ $(<"/proc/$1/comm") == "$2" ]]; }

# fake_ksm SCRIPT: run it by bash with /sys/kernel/mm/ksm replaced by plain files,
# below $KSM, and with an empty /run.  Nobody else sees either.
fake_ksm() {
	KSM=$BATS_TEST_TMPDIR/ksm
	mkdir -p "$KSM" "$BATS_TEST_TMPDIR/run"
	cp "$KSM_DATA/6.12-idle/sys/kernel/mm/ksm/"* "$KSM"
	chmod u+rw "$KSM"/*
	export KSM
	unshare "${UNSHARE[@]}" bash -c "
		mount --bind '$KSM' /sys/kernel/mm/ksm &&
		mount --bind '$BATS_TEST_TMPDIR/run' /run || exit 99
		show() { echo \$(cat \$KSM/run); }
		# Pass after pass, as long as the scanner runs.
		passes() {
			local n=10
			while sleep 0.1; do
				[ x\$(cat \$KSM/run) = x1 ] && put full_scans \$((++n))
			done
		}
		# A reader sees the old or the new, as it does in sysfs.
		put() { echo \$2 >\$KSM/../new; mv \$KSM/../new \$KSM/\$1; }
		$1" 3>&-
}

need_fake_ksm() {
	need_ksm
	command -v unshare >/dev/null || skip "needs unshare(1)"
	UNSHARE=(-m)
	((EUID == 0)) || UNSHARE=(-rm)
	unshare "${UNSHARE[@]}" mount --bind "$BATS_TEST_TMPDIR" /sys/kernel/mm/ksm 2>/dev/null ||
		skip "cannot mount over /sys/kernel/mm/ksm in a namespace of our own"
}

# need_outside: what runs in that namespace can trace what runs outside of it. A user
# namespace, which the mount takes without root, cannot.
need_outside() {
	need_fake_ksm
	((EUID == 0)) || skip "needs root: no process outside of a user namespace can be traced"
}

# same_probe [-x REGEX] COMMAND...: what runs probe for COMMAND cannot be told from
# env, but for lines that match.  Both write into the same file, from this shell.
same_probe() {
	local but='^$' out=$BATS_TEST_TMPDIR/probe
	if [[ $1 == -x ]]; then
		but=$2
		shift 2
	fi
	env "$PROBE" one 'two words' '' >"$out" 2>&1
	grep -vE "$but" "$out" >"$out.env"
	"$@" "$PROBE" one 'two words' '' >"$out" 2>&1
	grep -vE "$but" "$out" >"$out.this"
	cmp -s "$out.env" "$out.this" && [[ -s $out.env ]] && return
	fail "the command can tell ($*):" "$(diff -u "$out.env" "$out.this")"
}
