#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
#
# autotune-systemd.bats - the unit under systemd itself: what its restrictions leave to
# do. As root; a manager of our own runs in namespaces, with units of ours alone, and
# this machine's root directory read-only.

load ../lib/helpers
load ../lib/live
load ../lib/manager

BUILT=$KSM_BUILDDIR/tools/ksm-autotune/ksm-autotune.service
FILTERED=$KSM_SRCDIR/tools/ksm-autotune/ksm-autotune-filtered.conf

setup() {
	need_autotune
	need_root
	[[ -f $BUILT ]] || skip "no build tree"
	[[ -w /sys/kernel/mm/ksm/run ]] || skip "no KSM that can be written to"
	manager_room
}

# What a test that was ended in the middle has left.
teardown() {
	[[ ! -s $BATS_TEST_TMPDIR/settings ]] || ksmctl restore -q "$BATS_TEST_TMPDIR/settings"
	reap_spawned
}

# run_probe: the unit, with the probe in place of the daemon, beside two services.
run_probe() {
	printf '[daemon]\ninterval=100ms\n[rule x]\nmatch-comm=sleep\nadvise=where-it-pays\n' >"$ROOM/conf"
	probe >"$ROOM/probe"
	sed -E -e '/^(ExecReload|ExecStopPost|WatchdogSec|Restart.*)=/d' \
		-e 's,^ExecStart=.*,ExecStart=/bin/sh /run/t/room/probe,' \
		-e 's/^Type=.*/Type=oneshot/' -e '/^\[Unit\]/aDefaultDependencies=no' \
		-e 's,^RuntimeDirectoryPreserve=.*,&\nReadWritePaths=/run/t/room/out,' \
		-e '/^ProtectSystem=/aStandardOutput=file:/run/t/room/out/said\nStandardError=inherit' \
		"$BUILT" >"$ROOM/units/probe.service"
	unit plain.service '[Service]' User=65534 'ExecStart=/bin/sleep 600'
	unit filtered.service '[Service]' User=65534 'ExecStart=/bin/sleep 600' \
		SystemCallFilter=@system-service
	unit trial.target Requires=plain.service Requires=filtered.service Wants=probe.service \
		Wants=end.service
	unit end.service After=probe.service '[Service]' Type=oneshot \
		'ExecStart=/bin/touch /run/t/room/out/done'
	sed -i '/^DefaultDep/aAfter=plain.service filtered.service' "$ROOM/units/probe.service"
	boot
	said=$(cat "$ROOM/out/said" 2>&1) || fail "$said" "$(<"$ROOM/log")"
}

says() { contains "the probe" $'\n'"$said"$'\n' $'\n'"$1"$'\n'; }

# What the daemon must be able to do, and what nobody in its place should.
probe() {
	cat <<-'END'
		set +e
		PATH=/run/t/build:$PATH
		try() { what=$1; shift; if "$@" >/tmp/told 2>&1; then echo "can $what"; else echo "cannot $what"; cat /tmp/told >&2; fi; }
		same() { v=$(cat "$1") && echo "${v}" >"$1"; }
		sed -n 's/^\(Seccomp\|NoNewPrivs\|CapBnd\):\t*/\1 /p' /proc/self/status
		try "set KSM" same /sys/kernel/mm/ksm/sleep_millisecs
		try "set huge pages" same /sys/kernel/mm/transparent_hugepage/khugepaged/defrag
		try "set sysctls" same /proc/sys/vm/swappiness
		for dir in /run/ksm-autotune /run/ksm-utils /run /var/lib /root /home; do
			try "write in $dir" touch $dir/ksm-test
		done
		for name in plain filtered; do
			pid=$(sed -n 1p /sys/fs/cgroup/system.slice/$name.service/cgroup.procs)
			try "read $name" ksm-estimate -q -p "$pid"
			try "advise $name" ksm-advise -q -p "$pid"
			try "un-advise $name" ksm-advise -q -d -p "$pid"
		done
		try "check the configuration" ksm-autotune check-config -C /dev/null
		try "look" ksm-autotune -n -c 2 -C /run/t/room/conf
		try "own a namespace" unshare -m true
		try "mount" mount -t tmpfs none /mnt
	END
}

@test "under the restrictions of the unit" {
	run_probe
	says "Seccomp 2"
	says "NoNewPrivs 1"
	says "CapBnd 0000000000280004"
	for can in "set KSM" "write in /run/ksm-autotune" "write in /run/ksm-utils" \
		"read plain" "advise plain" "un-advise plain" "read filtered" \
		"check the configuration" look; do
		says "can $can"
	done
	for cannot in "set huge pages" "set sysctls" "write in /run" \
		"write in /var/lib" "write in /root" "write in /home" \
		"advise filtered" "own a namespace" mount; do
		says "cannot $cannot"
	done
}

@test "with the drop-in, processes that have filters take part" {
	mkdir "$ROOM/units/probe.service.d"
	cp "$FILTERED" "$ROOM/units/probe.service.d/"
	run_probe
	says "Seccomp 0"
	for can in "set KSM" "advise plain" "advise filtered" "un-advise filtered" look; do
		says "can $can"
	done
	# Mounts and capabilities still hold.
	for cannot in "set huge pages" "write in /run" "write in /var/lib" "write in /root"; do
		says "cannot $cannot"
	done
}

# The daemon for real, on the KSM of this machine.
session() {
	cat <<-'END'
		PATH=/run/t/build:$PATH
		ksm=/sys/kernel/mm/ksm
		now() { cat $ksm/run $ksm/sleep_millisecs $ksm/pages_to_scan | tr '\n' ' '; }
		is() { [ "$2" = "$3" ] && echo "yes: $1" || echo "no: $1: $2, not $3"; }
		show() { systemctl show -P "$1" ksm-autotune; }
		found=$(now)
		is "not started by itself" "$(show ActiveState)" inactive
		systemctl start ksm-autotune
		is "ready" "$(show ActiveState)" active
		is "KSM runs" "$(cat $ksm/run)" 1
		case $(show StatusText) in watch*|scan*) echo "yes: its status is the reason" ;; esac
		ksm-autotune verify && echo "yes: verify"
		ksm-autotune status -J | grep -q '"reason"' && echo "yes: status"
		main=$(show MainPID)
		echo interval=7s >>/run/t/room/conf
		systemctl reload ksm-autotune && echo "yes: reload"
		echo interval=soon >>/run/t/room/conf
		systemctl reload ksm-autotune
		is "a bad configuration ends nobody" "$(show ActiveState) $(show MainPID)" "active $main"
		echo '[daemon]' >/run/t/room/conf
		systemctl kill -s KILL ksm-autotune
		i=0
		while [ "$(show ActiveState)" = active ] || [ "$(show SubState)" = stop-post ]; do
			sleep 0.1; i=$((i + 1)); [ $i -lt 200 ] || break
		done
		is "after SIGKILL, settings" "$(now)" "$found"
		systemctl stop ksm-autotune
		systemctl reset-failed ksm-autotune 2>/dev/null
		systemctl start ksm-autotune
		is "ready again" "$(show ActiveState)" active
		systemctl stop ksm-autotune
		is "after stop, settings" "$(now)" "$found"
		is "ended" "$(show Result)" success
		touch /run/t/room/out/done
	END
}

@test "started, reloaded, killed and stopped" {
	command -v systemctl >/dev/null || skip "no systemctl"
	# The lock of tests/kernel/run-host; it ends with this test.
	live_lock || skip "another test has this machine's KSM"
	[[ ${KSM_TEST_MACHINE-} == 1 || $(<"/sys/kernel/mm/ksm/run") == 0 ]] ||
		skip "this machine uses its KSM"
	ksmctl save "$BATS_TEST_TMPDIR/settings"
	printf '[daemon]\ninterval=200ms\n' >"$ROOM/conf"
	session >"$ROOM/session"
	sed -e 's,=[^ ]*/ksm-autotune run,=/run/t/build/ksm-autotune run -C /run/t/room/conf,' \
		-e 's,=[^ ]*/ksm-autotune restore,=/run/t/build/ksm-autotune restore -C /run/t/room/conf,' \
		-e 's/^RestartSec=.*/RestartSec=1h/' -e '/^\[Unit\]/aDefaultDependencies=no' \
		-e '/^ProtectSystem=/aStandardOutput=append:/run/t/room/out/log\nStandardError=inherit' \
		"$BUILT" >"$ROOM/units/ksm-autotune.service"
	unit session.service '[Service]' Type=oneshot 'ExecStart=/bin/sh /run/t/room/session' \
		StandardOutput=file:/run/t/room/out/said StandardError=inherit
	unit trial.target Wants=session.service
	boot
	said=$(cat "$ROOM/out/said" 2>&1)$'\n'$(cat "$ROOM/out/log" 2>&1)
	for what in "not started by itself" ready "KSM runs" "its status is the reason" verify status \
		reload "a bad configuration ends nobody" "after SIGKILL, settings" \
		"ready again" "after stop, settings" ended; do
		says "yes: $what"
	done
	contains "the log" "$said" "the configuration stays as it was"
	expect 0 ksmctl diff "$BATS_TEST_TMPDIR/settings"
}
