#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hidden-procs.bats - processes that the mount of /proc hides, and a /proc that is
# none: every tool says so, in one line.

load ../lib/helpers

setup() {
	need_mounts
	need_unprivileged
	[[ -r /sys/kernel/mm/ksm/run ]] || skip "no KSM here"
}

# below MOUNT STATUS COMMAND...: with that in place of /proc, as a user who has no
# processes: nobody may have some.
below() {
	local what=$1 rc=$2

	shift 2
	# shellcheck disable=SC2016 # the inner shell expands
	expect "$rc" unshare -m sh -c 'mount $0 /proc &&
		exec setpriv --reuid=61234 --regid=61234 --clear-groups -- "$@"' "$what" "$@"
}

HIDE1="-t proc -o hidepid=1 proc"
HIDE2="-t proc -o hidepid=2 proc"
NONE="-t tmpfs none"
hint="(/proc is mounted with hidepid: needs root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)"

# one_line PATTERN: all that was said.
one_line() {
	((${#stderr_lines[@]} == 1)) && [[ $stderr =~ $1 && $stderr == *"$hint" ]] ||
		fail "$stderr"
}

# A sanitizer speaks, and fails, where it finds no /proc of its own.
no_sanitizer() {
	! sanitized || skip "a sanitizer needs /proc"
}

@test "hidepid=1: what is hidden is counted, in one line" {
	below "$HIDE1" 0 ksmctl procs -a
	one_line "^ksmctl: warning: [0-9]+ processes of others could not be read "
	below "$HIDE1" 1 ksmctl procs --user root
	one_line "^ksmctl: no process matches: [0-9]+ processes of others could not be looked at "
	below "$HIDE1" 4 ksmctl metrics --procs
	one_line "^ksmctl: warning: [0-9]+ processes of others could not be read "
	below "$HIDE1" 1 ksm-advise -c --user root
	one_line "^ksm-advise: no process matches: [0-9]+ processes of others could not be looked at "
	below "$HIDE1" 1 ksm-estimate -q
	one_line "^ksm-estimate: no process matches: [0-9]+ processes of others could not be looked at "
	below "$HIDE1" 1 ksm-estimate -q --user root
	one_line "^ksm-estimate: no process matches: [0-9]+ processes of others could not be looked at "
	below "$HIDE1" 0 ksmtop -b -c 1
	[[ $output =~ denied\ ([0-9]+) ]] && ((BASH_REMATCH[1] > 0)) || fail "$output"
}

@test "hidepid=1: one that is named is told what it takes" {
	below "$HIDE1" 1 ksmctl procs -p 1
	stderr_is "ksmctl: 1: cannot read: Operation not permitted $hint"
	below "$HIDE1" 1 ksmctl vmas -p 1
	stderr_is "ksmctl: 1: cannot read its mappings: Operation not permitted $hint"
}

@test "hidepid=2: nobody is there" {
	below "$HIDE2" 1 ksm-estimate -q
	stderr_is "ksm-estimate: /proc: it shows no other process (is it mounted with hidepid=2, or of a container?)"
	below "$HIDE2" 0 ksmctl procs -a
	stderr_is ""
}

@test "an empty /proc is no machine without processes" {
	no_sanitizer
	local none="cannot list processes: nothing is mounted on /proc (mount -t proc proc /proc)"

	below "$NONE" 1 ksmctl procs
	stderr_is "ksmctl: $none"
	below "$NONE" 1 ksmctl metrics --procs
	stderr_is "ksmctl: $none"
	# Whatever else it finds on this machine is its status.
	below "$NONE" 0 sh -c "ksmctl doctor || :"
	stderr_has "$none"
	below "$NONE" 1 ksm-advise -c --user root
	stderr_is "ksm-advise: $none"
	below "$NONE" 1 ksm-estimate -q
	stderr_is "ksm-estimate: $none"
	below "$NONE" 1 ksmtop -b -c 1
	stderr_has "ksmtop: $none"
}

@test "a /proc/uptime of a container's own: processes are as old as they are" {
	echo "1.00 1.00" >"$BATS_TEST_TMPDIR/uptime"
	# shellcheck disable=SC2016 # the inner shell expands
	expect 0 unshare -m sh -c 'mount --bind "$0" /proc/uptime &&
		exec ksmtop -b -c 1 --csv -o pid,age -p 1' "$BATS_TEST_TMPDIR/uptime"
	stderr_is ""
	# By that file, it has not begun yet.
	((${lines[-1]#1,} > 0)) || fail "$output"
}

@test "root of a user namespace is told that it is none" {
	unshare -Ur true 2>/dev/null || skip "no user namespaces here"
	expect 1 unprivileged unshare -Ur ksmctl set sleep_millisecs 123
	stderr_is "ksmctl: sleep_millisecs: cannot set to 123: Permission denied (needs CAP_DAC_OVERRIDE in the initial user namespace)"
	expect 1 unprivileged unshare -Ur ksmctl vmas -p 1
	stderr_is "ksmctl: 1: cannot read its mappings: Permission denied (needs CAP_SYS_PTRACE in the user namespace of that process)"
}

@test "root without the capability is told which" {
	spawn setpriv --reuid=65534 --regid=65534 --clear-groups sleep 1000
	wait_until grep -q ^sleep "/proc/$spawned/comm"
	# Since 6.16 those who may trace events may read mappings too.
	local lacks=-sys_ptrace,-perfmon,-sys_admin

	expect 1 setpriv --bounding-set=$lacks --inh-caps=$lacks -- \
		ksmctl vmas -p "$spawned"
	stderr_is "ksmctl: $spawned: cannot read its mappings: Permission denied (needs CAP_SYS_PTRACE, which this root has not)"
}
