#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-unit.bats - ksm-autotune.service, as systemd sees it.

load ../lib/helpers

BUILT=$KSM_BUILDDIR/tools/ksm-autotune/ksm-autotune.service
FILTERED=$KSM_SRCDIR/tools/ksm-autotune/ksm-autotune-filtered.conf

setup() {
	need_autotune
	[[ -f $BUILT ]] || skip "no build tree"
	unit=$BATS_TEST_TMPDIR/ksm-autotune.service
	# What is not installed is in the build tree.
	sed "s,=[^ ]*/ksm-autotune ,=$KSM_BUILDDIR/ksm-autotune ," "$BUILT" >"$unit"
}

# made ARGUMENT...: make in the build tree.
made() { env -u MAKEFLAGS -u MAKELEVEL make -s -C "$KSM_BUILDDIR" "$@" >/dev/null; }

# analyze STATUS ARGUMENT...: systemd-analyze, without the units of this machine.
analyze() {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	expect "$1" timeout 60 systemd-analyze "${@:2}"
}

need_offline() {
	systemd-analyze --help 2>/dev/null | grep -q -e --offline ||
		skip "systemd-analyze cannot look at files (systemd 250)"
}

@test "systemd-analyze verify finds nothing" {
	analyze 0 verify --man=no "$unit"
	stdout_is ""
	stderr_is ""
	# It would have.
	sed -i 's/^WatchdogSec=.*/WatchdogSec=soon/' "$unit"
	analyze 0 verify --man=no "$unit"
	stderr_has "soon"
}

@test "each way in which the service manager is told" {
	for type in exec notify notify-reload; do
		made unit="$BATS_TEST_TMPDIR/$type" UNIT_TYPE=$type "$BATS_TEST_TMPDIR/$type"
		made=$(<"$BATS_TEST_TMPDIR/$type")
		! grep -E '@(type|[a-z]*dir)@' <<<"$made" || fail "left as it was"
		contains "$type" "$made" $'\nType='$type$'\n'
		# notify-reload sends the signal by itself; without libsystemd nobody is told that
		# it is alive.
		same "ExecReload= of $type" "$(grep -c '^ExecReload=' <<<"$made" || :)" \
			"$([[ $type == notify-reload ]] && echo 0 || echo 1)"
		same "WatchdogSec= of $type" "$(grep -c '^WatchdogSec=' <<<"$made" || :)" \
			"$([[ $type == exec ]] && echo 0 || echo 1)"
	done
}

@test "systemd-analyze security: at most 3.0" {
	command -v systemd-analyze >/dev/null || skip "no systemd-analyze"
	need_offline
	analyze 0 security --offline=true --threshold=30 "$unit"
	stdout_has "Overall exposure level for ksm-autotune.service"
	grep -v '^ProtectSystem=' "$unit" | grep -v '^SystemCallFilter=' >"$unit.new"
	mv "$unit.new" "$unit"
	analyze 1 security --offline=true --threshold=30 "$unit"
}

@test "the drop-in takes back all that needs a filter of system calls" {
	# systemd.exec(5) of systemd 252: what implies NoNewPrivileges= without CAP_SYS_ADMIN.
	needs_filter="SystemCallFilter SystemCallArchitectures RestrictAddressFamilies
		RestrictNamespaces PrivateDevices ProtectKernelTunables ProtectKernelModules
		ProtectKernelLogs ProtectClock MemoryDenyWriteExecute RestrictRealtime
		RestrictSUIDSGID ProtectHostname LockPersonality SystemCallLog"
	n=0
	for key in $needs_filter; do
		grep -q "^$key=" "$unit" || continue
		grep -qE "^$key=(no)?\$" "$FILTERED" || fail "not taken back: $key="
		n=$((n + 1))
	done
	((n > 10)) || fail "only $n were found"
	# And nothing else is.
	while IFS='=' read -r key _; do
		[[ " ${needs_filter//[$'\n\t']/ } SystemCallErrorNumber " == *" $key "* ]] ||
			fail "taken back as well: $key="
	done < <(grep '^[A-Z]' "$FILTERED")
	mkdir "$unit.d"
	cp "$FILTERED" "$unit.d/"
	analyze 0 verify --man=no "$unit"
	stderr_is ""
}

@test "installed where configure says, and not enabled" {
	to=$BATS_TEST_TMPDIR/to
	dir=$(sed -n 's/^systemdsystemunitdir = //p' "$KSM_BUILDDIR/Makefile")
	[[ -n $dir ]] || skip "no systemd here when it was configured"
	made prefix=/opt/x systemdsystemunitdir=/opt/x/units DESTDIR="$to" \
		install-systemdsystemunitDATA install-dist_pkgdataDATA
	same "files" "$(cd "$to" && find . ! -type d -name 'ksm-autotune*' | sort)" \
		"./opt/x/share/ksm-utils/ksm-autotune-filtered.conf
./opt/x/units/ksm-autotune.service"
	same "enabled" "$(find "$to" -type l)" ""
}
