#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# ksmctl-boot.bats - what is set at boot: the profile that is kept for it, and
# ksm-utils.service, which applies it.

load ../lib/helpers
load ../lib/live

BUILT=$KSM_BUILDDIR/tools/ksmctl/ksm-utils.service

setup() {
	export KSM_PROFILES=$KSM_SRCDIR/tools/ksmctl/profiles
	export KSM_CONF=$BATS_TEST_TMPDIR/etc/ksm.conf
}

@test "profile --persist: a copy of the profile, and nothing is applied" {
	# Other files of the same run start and stop the scanner that is looked at here.
	live_lock || skip "another test has this machine's KSM"
	before=$(cat "$ksm/run" 2>/dev/null || :)
	for name in vm-host off; do
		expect 0 ksmctl profile --persist "$name"
		stdout_is "$KSM_CONF: profile $name; applied at boot where ksm-utils.service is enabled"
		stderr_is ""
		same "what is kept" "$(tail -n +2 "$KSM_CONF")" "$(<"$KSM_PROFILES/$name")"
		[[ $(head -n 1 "$KSM_CONF") == "# Profile $name, "* ]] || fail "$(<"$KSM_CONF")"
		use_root 6.12-idle
		expect 0 ksmctl -s "$ROOT" restore "$KSM_CONF"
		expect 0 ksmctl -s "$ROOT" diff "$KSM_CONF"
	done
	same "the scanner of this machine" "$(cat "$ksm/run" 2>/dev/null || :)" "$before"
	live_end
	same "files" "$(ls -A "${KSM_CONF%/*}")" ksm.conf
	[[ $(umask) != 0022 || $(stat -c %a "$KSM_CONF") == 644 ]] || fail "$(ls -l "$KSM_CONF")"
}

@test "profile --persist: every profile there is" {
	for file in "$KSM_PROFILES"/*; do
		expect 0 ksmctl profile --persist "${file##*/}"
		same "${file##*/}" "$(tail -n +2 "$KSM_CONF")" "$(<"$file")"
	done
}

@test "profile --persist: whole or not at all" {
	mkdir "${KSM_CONF%/*}"
	echo old >"$KSM_CONF"
	expect 0 ksmctl profile -N --persist gentle
	[[ $output == "# Profile gentle, "* ]] || fail "$output"
	expect 2 ksmctl profile --persist no-such
	stdout_is ""
	stderr_is "ksmctl: no-such: unknown profile (see: ksmctl profile)"
	mkdir "$BATS_TEST_TMPDIR/bad"
	echo 'run 7' >"$BATS_TEST_TMPDIR/bad/odd"
	KSM_PROFILES=$BATS_TEST_TMPDIR/bad expect 1 ksmctl profile --persist odd
	stdout_is ""
	stderr_has "bad/odd: line 1: "
	expect 2 ksmctl profile --persist
	stderr_has "ksmctl: --persist: no profile named"
	expect 2 ksmctl profile --persist off gentle
	stderr_has "ksmctl: gentle: unexpected argument"
	expect 2 ksmctl profile --persist --forget off
	use_root 6.12-idle
	expect 3 ksmctl -s "$ROOT" profile --persist off
	stderr_is "ksmctl: $ROOT: a dump does not boot"
	expect 1 bash -c "set -o pipefail; trap '' XFSZ
		(ulimit -f 0; ksmctl profile --persist off) 2>&1 | cat"
	stdout_is "ksmctl: $KSM_CONF: cannot write: File too large"
	same "the old one" "$(<"$KSM_CONF")" old
	same "files" "$(ls -A "${KSM_CONF%/*}")" ksm.conf
	KSM_CONF=$BATS_TEST_TMPDIR/none/none/ksm.conf expect 1 ksmctl profile --persist off
	stderr_is "ksmctl: $BATS_TEST_TMPDIR/none/none: cannot create: No such file or directory"
	root_unchanged 6.12-idle
}

@test "profile --forget: none is kept, also where none was" {
	expect 0 ksmctl profile --persist off
	expect 0 ksmctl profile --forget -N
	stdout_is "remove $KSM_CONF"
	[[ -e $KSM_CONF ]]
	for _ in 1 2; do
		expect 0 ksmctl profile --forget
		stdout_is ""
		stderr_is ""
		[[ ! -e $KSM_CONF ]]
	done
	expect 2 ksmctl profile --forget off
	stderr_has "ksmctl: off: unexpected argument"
	mkdir "$KSM_CONF"
	expect 1 ksmctl profile --forget
	stderr_has "ksmctl: $KSM_CONF: cannot remove: "
}

# --- the unit -----------------------------------------------------------------------

need_unit() {
	[[ -f $BUILT ]] || skip "no build tree, or no systemd when it was configured"
	unit=$BATS_TEST_TMPDIR/ksm-utils.service
	# What is not installed is in the build tree.
	sed "s,=[^ ]*/ksmctl ,=$KSM_BUILDDIR/ksmctl ," "$BUILT" >"$unit"
}

# commands KEY: those of the unit, for the root and the files of this test.
commands() {
	local key path

	while IFS='=' read -r key path; do
		[[ $key != "$1" ]] || printf '%s\n' "$path"
	done <"$unit" | sed "s,/ksmctl -q ,/ksmctl -s $ROOT -q ,
		s,/run/ksm-utils/,$BATS_TEST_TMPDIR/,
		s, /[^ ]*/ksm-utils/ksm.conf, $KSM_CONF,"
}

# does KEY: all of them in turn, as systemd does of this type.
does() {
	local line n=0

	while read -r line; do
		# shellcheck disable=SC2086
		expect 0 $line || return
		stderr_is "" || return
		n=$((n + 1))
	done < <(commands "$1")
	((n > 0)) || fail "the unit has no $1="
}

@test "unit: what is kept is applied, and what was found is put back" {
	need_unit
	use_root 6.12-idle
	want=$(ksmctl -s "$ROOT" save)
	expect 0 ksmctl profile --persist vm-host
	does ExecStart
	expect 0 ksmctl -s "$ROOT" diff "$KSM_CONF"
	file_is sys/kernel/mm/ksm/run 1
	# Another one, while it is in force.
	expect 0 ksmctl profile --persist gentle
	does ExecReload
	expect 0 ksmctl -s "$ROOT" diff "$KSM_CONF"
	does ExecStop
	same "put back" "$(ksmctl -s "$ROOT" save)" "$want"
}

@test "unit: settings that are refused leave all as it was" {
	need_unit
	use_root 6.12-idle
	want=$(ksmctl -s "$ROOT" save)
	expect 0 ksmctl profile --persist vm-host
	rm "$ROOT/sys/kernel/mm/ksm/use_zero_pages"
	mkdir "$ROOT/sys/kernel/mm/ksm/use_zero_pages"
	mapfile -t lines < <(commands ExecStart)
	failed=0
	for line in "${lines[@]}"; do
		# shellcheck disable=SC2086
		run $line
		((status == 0)) || failed=1
	done
	((failed)) || fail "nothing was refused"
	file_is sys/kernel/mm/ksm/run 0
	file_is sys/kernel/mm/ksm/sleep_millisecs 20
}

@test "unit: systemd-analyze verify finds nothing" {
	need_unit
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	expect 0 timeout 60 systemd-analyze verify --man=no "$unit"
	stdout_is ""
	stderr_is ""
	# It would have.
	sed -i 's/^TasksMax=.*/TasksMax=few/' "$unit"
	expect 0 timeout 60 systemd-analyze verify --man=no "$unit"
	stderr_has "few"
}

@test "unit: systemd-analyze security: at most 1.5" {
	need_unit
	systemd-analyze --help 2>/dev/null | grep -q -e --offline ||
		skip "no systemd-analyze that looks at files (systemd 250)"
	expect 0 timeout 60 systemd-analyze security --offline=true --threshold=15 "$unit"
	grep -v '^CapabilityBoundingSet=\|^SystemCallFilter=' "$unit" >"$unit.new"
	mv "$unit.new" "$unit"
	expect 1 timeout 60 systemd-analyze security --offline=true --threshold=15 "$unit"
}

@test "unit: never beside ksmtuned, not enabled, and no directory is left open" {
	need_unit
	grep -qx 'Conflicts=ksmtuned.service' "$unit"
	! grep -E '@[a-z]*dir@' "$unit" || fail "left as it was"
	dir=$(sed -n 's/^systemdsystemunitdir = //p' "$KSM_BUILDDIR/Makefile")
	[[ -n $dir ]] || skip "no systemd here when it was configured"
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$KSM_BUILDDIR" prefix=/opt/x \
		systemdsystemunitdir=/opt/x/units DESTDIR="$BATS_TEST_TMPDIR/to" \
		install-systemdsystemunitDATA >/dev/null
	[[ -f $BATS_TEST_TMPDIR/to/opt/x/units/ksm-utils.service ]]
	[[ -z $(find "$BATS_TEST_TMPDIR/to" -type l) ]]
}
